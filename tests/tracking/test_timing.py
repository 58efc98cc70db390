"""Times and peaks of nodes."""

from __future__ import annotations

import time
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from graft.hooks import TIMING, TimingHooks
from graft.tracking.timing import Stopwatch, record_timing


def test_a_node_lasts_from_its_first_input_to_its_last_output() -> None:
    watch = Stopwatch()
    watch.start("training.train")
    time.sleep(0.02)
    watch.start("training.train")  # the next input
    watch.stop("training.train")
    between = watch.table()["seconds"][0]
    time.sleep(0.02)
    watch.stop("training.train")  # the last output
    table = watch.table()
    assert 0.02 <= between < table["seconds"][0]
    assert table[["stage", "node"]].to_numpy().tolist() == [["training", "train"], ["", "total"]]


def test_the_last_row_is_the_sum_of_times_and_the_highest_peak() -> None:
    watch = Stopwatch()
    for node in ("ingest.decode", "ingest.split", "alone"):
        watch.start(node)
        watch.stop(node)
    table = watch.table()
    rows, total = table.iloc[:-1], table.iloc[-1]
    assert rows["stage"].tolist() == ["ingest", "ingest", ""]
    assert total["seconds"] == pytest.approx(rows["seconds"].sum())
    assert total["peak_memory_mib"] == rows["peak_memory_mib"].max() > 10


def test_the_memory_of_a_node_is_in_its_peak() -> None:
    watch = Stopwatch()
    watch.start("hungry")
    array = np.ones(2**24)  # 128 MiB, every page touched
    watch.stop("hungry")
    taken = array.nbytes / 2**20
    del array
    assert watch.table()["peak_memory_mib"][0] > taken


def test_a_run_without_a_gpu_has_no_peak_there() -> None:
    import torch

    if torch.cuda.is_initialized():
        pytest.skip("has a GPU")
    watch = Stopwatch()
    watch.start("any")
    watch.stop("any")
    assert watch.table()["peak_gpu_memory_mib"].isna().all()


def test_mlflow_gets_seconds_by_node(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: dict[str, float] = {}
    monkeypatch.setattr(mlflow, "active_run", lambda: True)
    monkeypatch.setattr(mlflow, "log_metrics", logged.update)
    watch = Stopwatch()
    watch.start("training.train")
    watch.stop("training.train")
    record_timing(watch.table())
    assert set(logged) == {"seconds/training.train", "seconds/total", "peak_memory_mib"}


def test_an_outage_of_mlflow_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(metrics: dict[str, float]) -> None:
        raise mlflow.MlflowException("away")

    monkeypatch.setattr(mlflow, "active_run", lambda: True)
    monkeypatch.setattr(mlflow, "log_metrics", fail)
    record_timing(Stopwatch().table())
    assert "could not be recorded" in caplog.text


def test_the_hooks_save_the_table_when_the_pipeline_has_run() -> None:
    hooks, node = TimingHooks(), SimpleNamespace(name="svm.fit")
    catalog = DataCatalog({TIMING: MemoryDataset()})
    hooks.before_pipeline_run()
    hooks.after_pipeline_run(catalog)  # no node has run in this process
    assert not catalog.exists(TIMING)
    hooks.before_dataset_loaded(node)
    hooks.before_node_run(node)
    hooks.after_node_run(node)
    hooks.after_dataset_saved(node)
    hooks.after_pipeline_run(catalog)
    saved: pd.DataFrame = catalog.load(TIMING)
    assert saved["node"].tolist() == ["fit", "total"]
    hooks.before_pipeline_run()
    hooks.after_pipeline_run(DataCatalog())  # a project without such an entry
