"""The run record: what decides on a run's results, when it is left behind, and how it is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro.pipeline import Node, Pipeline

from graft.datasets import MetricsDataset
from graft.tracking.record_hooks import RunRecordHooks
from graft.tracking.run_record import RESULTS, RUN_RECORD, RunRecord, fingerprint, records_of

PARAMETERS: dict[str, Any] = {
    "experiment": "digits",
    "seed": 0,
    "training": {"epochs": 8, "resume": "never"},
    "evaluation": {"confidence": 0.95},
    "sweep": {"trials": 30, "workers": 1},
    "comparison": {"measure": None},
}


def changed(section: str, key: str, value: Any) -> dict[str, Any]:
    return {**PARAMETERS, section: {**PARAMETERS[section], key: value}}


@pytest.mark.parametrize(
    ("parameters", "same"),
    [
        ({**PARAMETERS, "experiment": "other", "seed": 1}, True),
        (changed("training", "resume", "auto"), True),
        (changed("evaluation", "confidence", 0.9), True),
        (changed("sweep", "trials", 50), True),
        (changed("training", "epochs", 9), False),
    ],
)
def test_what_decides_on_a_result_is_in_its_fingerprint(parameters: Any, same: bool) -> None:
    a, b = (fingerprint("single_network", given) for given in (PARAMETERS, parameters))
    assert (a == b) == same


def test_a_pipelines_own_section_decides_on_its_results() -> None:
    trials, workers = changed("sweep", "trials", 50), changed("sweep", "workers", 2)
    assert fingerprint("sweep", PARAMETERS) != fingerprint("sweep", trials)
    assert fingerprint("sweep", PARAMETERS) == fingerprint("sweep", workers)
    measured = changed("comparison", "measure", "accuracy")
    assert fingerprint("comparison", PARAMETERS) != fingerprint("comparison", measured)


def test_another_pipeline_makes_other_results() -> None:
    assert fingerprint("single_network", PARAMETERS) != fingerprint("transfer_learning", PARAMETERS)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., None]:
    """Let the hook see a run of a node that makes some output."""

    def run(output: str, version: str = "v1", parameters: Any = PARAMETERS, **options: Any) -> None:
        def entry(name: str, kind: str) -> MetricsDataset:
            path = tmp_path / kind / "digits" / f"{name}.json"
            return MetricsDataset(filepath=str(path), version=Version(None, version))

        catalog = DataCatalog(
            {
                output: entry(output, "data/08_reporting"),
                RUN_RECORD: entry(RUN_RECORD, "data/08_reporting"),
                "image_store": MemoryDataset(None),
            }
        )
        pipeline = Pipeline([Node(lambda images: {}, "image_store", output, name="make")])
        loader = {"parameters": parameters, "globals": {"changes": []}}
        parts = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs")
        told = dict.fromkeys((*parts, "namespaces", "only_missing_outputs"))
        told |= {"pipeline_names": ["single_network"], "run_id": version} | options
        hooks = RunRecordHooks()
        hooks.after_context_created(SimpleNamespace(project_path=tmp_path, config_loader=loader))
        hooks.before_pipeline_run()
        hooks.after_dataset_loaded("image_store", SimpleNamespace(digest="abc"))
        catalog[output].save({})
        hooks.after_pipeline_run(told, pipeline, catalog)

    return run


def records(project: Path) -> list[RunRecord]:
    return list(records_of(project / "data/08_reporting/digits"))


def test_a_run_that_makes_results_leaves_its_record(
    run: Callable[..., None], tmp_path: Path
) -> None:
    run("metrics")
    (record,) = records(tmp_path)
    assert (record.experiment, record.pipeline, record.seed) == ("digits", "single_network", 0)
    assert record.fingerprint == fingerprint("single_network", PARAMETERS)
    assert (record.data, record.run_id, record.whole) == ("abc", None, True)
    assert record.files == {"metrics": "data/08_reporting/digits/metrics.json/v1/metrics.json"}
    assert record.parameters == PARAMETERS
    assert record.has_results(tmp_path)


def test_what_a_run_took_that_went_on_with_another_one_nobody_knows(
    run: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last process's time alone would pass for that of the whole."""
    run("metrics", "v1")
    run("metrics", "v2", changed("training", "resume", "auto"))
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    run("metrics", "v3")
    whole = [record.seconds for record in records(tmp_path)]
    assert whole[:2] == [None, None]
    assert whole[2] is not None


def test_a_run_that_makes_a_figure_leaves_none(run: Callable[..., None], tmp_path: Path) -> None:
    run("training_curves")
    assert records(tmp_path) == []


def test_a_part_of_a_pipeline_is_no_result_of_it(run: Callable[..., None], tmp_path: Path) -> None:
    run("metrics", from_nodes=["evaluate"])
    (record,) = records(tmp_path)
    assert not record.has_results(tmp_path)


def test_records_come_newest_first_and_torn_ones_not_at_all(
    run: Callable[..., None], tmp_path: Path
) -> None:
    for version in ("v1", "v3", "v2", "v4"):
        run("metrics", version)
    folder = tmp_path / "data/08_reporting/digits/run_record.json"
    (folder / "v3/run_record.json").write_text("{")
    other = folder / "v4/run_record.json"
    other.write_text(other.read_text().replace('"format": 1', '"format": 9'))
    assert [record.version for record in records(tmp_path)] == ["v2", "v1"]


def test_results_that_were_removed_are_missed(run: Callable[..., None], tmp_path: Path) -> None:
    run("metrics")
    (record,) = records(tmp_path)
    (tmp_path / record.files["metrics"]).unlink()
    assert not record.has_results(tmp_path)


def test_a_record_survives_json(run: Callable[..., None], tmp_path: Path) -> None:
    run("metrics")
    (record,) = records(tmp_path)
    assert RunRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_results_are_entries_of_the_catalog() -> None:
    import yaml

    conf = Path(__file__).parents[2] / "conf/base"
    entries = {
        name for file in conf.glob("catalog*.yml") for name in yaml.safe_load(file.read_text())
    }
    assert {*RESULTS, RUN_RECORD} <= entries
