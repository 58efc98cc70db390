"""Sweeps of several processes: deaths, stops and a fresh study that all begin at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft import interruption
from graft.images.card import dataset_card
from graft.images.store import ImageStore
from graft.sweeps.plan import Plan, plan_sweep
from graft.sweeps.space import Params
from graft.sweeps.storage import TrialStorage
from graft.sweeps.study import open_study
from graft.sweeps.trials import SweepJob
from graft.sweeps.workers import run_trials, share_of_compute

from .conftest import CONTEXT, parameters, plan, start_worker

pytestmark = pytest.mark.slow

SMALL = {
    "filter_strategy": "same",
    "base_filters": 4,
    "dense_neurons": 8,
    "dropout": 0.0,
    "batch_norm": False,
}


def job_of(store: ImageStore, folder: Path, **changes: Any) -> SweepJob:
    """A sweep of trainings that take about a second each."""
    wanted: Params = parameters(
        sweep={"trials": 3, "pruner": "none", "seeds": 1, "sampler": "random"} | changes,
        model={"options": SMALL},
        training={"epochs": 20, "batch_size": 8},
        compute={"threads": 1, "device": "cpu"},
    )
    wanted["sweep"]["space"] = {"training.learning_rate": [0.001, 0.002, 0.003, 0.004]}
    return SweepJob(
        plan=plan_sweep(wanted, store.digest, "accuracy"),
        storage=TrialStorage(folder, heartbeat=1.0),
        store=store,
        card=dataset_card(store),
        parameters=wanted,
        measure="accuracy",
        parent=None,
    )


def when_one_runs(plan: Plan, storage: TrialStorage, do: Callable[[int], None]) -> threading.Thread:
    """Do something with the process number of the first worker that is in a training."""

    def watch() -> None:
        while not (storage.folder / "trials.db").exists():
            time.sleep(0.05)
        study = open_study(plan, storage)
        while True:
            for trial in study.get_trials(deepcopy=False):
                if trial.state.name == "RUNNING" and trial.intermediate_values:
                    worker = trial.user_attrs["worker"]["process"]
                    return do(int(worker.partition(":")[0]))
            time.sleep(0.05)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_a_worker_that_is_killed_is_replaced_and_its_trial_tried_again(
    store: ImageStore, tmp_path: Path
) -> None:
    job = job_of(store, tmp_path)
    watcher = when_one_runs(job.plan, job.storage, lambda pid: os.kill(pid, signal.SIGKILL))
    trials = run_trials(job, 1)
    watcher.join(1)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
    assert all(0.0 <= trial.value <= 1.0 for trial in trials)
    everything = open_study(job.plan, job.storage).get_trials()
    (killed,) = (trial for trial in everything if trial.state.name == "FAIL")
    assert everything[killed.number + 1].params == killed.params
    assert len(everything) == 4


def test_a_stop_ends_all_workers_and_leaves_no_trial_running(
    store: ImageStore, tmp_path: Path
) -> None:
    """A worker leaves in the middle of an epoch, not at a training's end."""
    job = job_of(store, tmp_path, workers=2)
    when_one_runs(job.plan, job.storage, lambda _: interruption.ask(signal.SIGTERM))
    with pytest.raises(SystemExit, match="143"):
        run_trials(job, 2)
    assert multiprocessing.active_children() == []
    found = open_study(job.plan, job.storage).get_trials()
    assert "RUNNING" not in {trial.state.name for trial in found}
    stopped, waiting = (
        sorted(list(trial.params.values()) for trial in found if trial.state.name == state)
        for state in ("FAIL", "WAITING")
    )
    assert stopped == waiting != []


def test_the_test_images_are_not_looked_at(store: ImageStore, tmp_path: Path) -> None:
    """Neither their pixels nor their labels change anything."""
    values = []
    for name in ("as they are", "others"):
        if name == "others":
            test = store.indices("test")
            store.images[test] = 255 - store.images[test]
            labels = store.manifest["label"].to_numpy(copy=True)
            labels[test] = np.roll(labels[test], 1)
            store = ImageStore(
                store.images, store.manifest.assign(label=labels), store.class_names, store.source
            )
        job = job_of(store, tmp_path / name, trials=1)
        job = job._replace(plan=job.plan.__class__(**{**vars(job.plan), "name": "same"}))
        values.append(run_trials(job, 1)[0].intermediate_values)
    assert values[0] == values[1]
    assert len(values[0]) == 20


def test_four_workers_begin_a_fresh_study_at_once(tmp_path: Path) -> None:
    """Trial 20: as four commands in the same second; not one trial too many, none lost."""
    together, storage = CONTEXT.Barrier(4), TrialStorage(tmp_path, heartbeat=1.0)
    four = [start_worker(plan(trials=12), storage, together=together) for _ in range(4)]
    for process in four:
        process.join()
    assert [process.exitcode for process in four] == [0] * 4
    trials = open_study(plan(), TrialStorage(tmp_path)).get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 12
    assert len({trial.user_attrs["worker"]["process"] for trial in trials}) > 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trials.db", "turn.lock"]


def test_workers_share_threads_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    compute = {"threads": 8, "device": "auto", "precision": "auto", "compile": "auto"}
    shares = [share_of_compute(compute, number, 3) for number in range(3)]
    assert [share["device"] for share in shares] == ["cuda:0", "cuda:1", "cuda:0"]
    assert {share["threads"] for share in shares} == {2}
    fixed = share_of_compute({**compute, "device": "cpu", "threads": 1}, 2, 3)
    assert (fixed["device"], fixed["threads"]) == ("cpu", 1)
