"""A sweep as a user runs it, and what it has found as an experiment."""

from __future__ import annotations

import pytest

from .project_copy import ProjectCopy, warnings_in

pytestmark = pytest.mark.slow


def test_a_sweep_ends_with_an_experiment_that_runs(project: ProjectCopy) -> None:
    little = "sweep.trials=2,sweep.pruner=none,training.epochs=1"
    process = project.kedro("run", "-x", "digits_sweep", f"--params={little}")
    assert process.returncode == 0, process.stdout
    assert warnings_in(process.stdout) == []
    assert "Trial 1 (2 of 2) has accuracy" in process.stdout
    catalog = project.catalog(experiment="digits_sweep")
    assert list(catalog.load("sweep_trials")["state"]) == ["complete"] * 2
    assert catalog["sweep_history_figure"].preview().startswith("iVBORw0KGgo")

    *trials, swept = sorted(
        project.runs(), key=lambda run: "mlflow.parentRunId" not in run.data.tags
    )
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {swept.info.run_id}
    assert {run.info.status for run in [*trials, swept]} == {"FINISHED"}
    best = catalog.load("sweep_best")
    assert swept.data.metrics["validation/accuracy"] == best["accuracy"]["value"]

    process = project.kedro("run", "-x", "digits_sweep_best")
    assert process.returncode == 0, process.stdout
    rate = best["parameters"]["training.learning_rate"]
    run_alone = project.runs()[-1].data.params
    assert run_alone["training.learning_rate"] == str(rate)
    assert run_alone["training.epochs"] == "1"  # as the sweep was told
