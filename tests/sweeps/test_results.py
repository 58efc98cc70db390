"""What is told of a sweep: its table, the best trial, what made the difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.datasets import TableDataset
from graft.errors import GraftError
from graft.sweeps.results import (
    best_trial,
    correlations,
    importances,
    sampled_values,
    trials_table,
    with_short_names,
)
from graft.sweeps.space import read_space
from graft.sweeps.storage import TrialStorage
from graft.sweeps.study import SCORES, open_study, settled
from graft.sweeps.work import Attempt, work

from .conftest import plan

SPACE = {
    "training.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "training.batch_size": [16, 32],
    "model.options.activation": ["relu", "gelu", "silu"],
    "model.options.batch_norm": [True, False],
}


def table(count: int = 30, seed: int = 0) -> pd.DataFrame:
    """Trials whose value falls with the logarithm of the rate, and depends on nothing else."""
    rng = np.random.default_rng(seed)
    rates = 10 ** rng.uniform(-4, -1, count)
    return pd.DataFrame(
        {
            "number": range(count),
            "state": "complete",
            "value": -np.log10(rates) / 5,
            "seeds": 1,
            "reason": "",
            "training.learning_rate": rates,
            "training.batch_size": rng.choice([16, 32], count),
            "model.options.activation": rng.choice(["relu", "gelu", "silu"], count),
            "model.options.batch_norm": rng.choice([True, False], count),
        }
    )


def row(**changes: Any) -> dict[str, Any]:
    values = {"training.learning_rate": 0.01, "training.batch_size": 32}
    values |= {"model.options.activation": "gelu", "model.options.batch_norm": False}
    return {"number": 0, "state": "complete", "value": 0.5, "seeds": 1, **values, **changes}


def test_the_table_has_a_row_for_each_settled_trial(storage: TrialStorage) -> None:
    def objective(attempt: Attempt) -> float:
        for epoch, level in enumerate((0.2, 0.6, 0.4), 1):
            attempt.report(epoch, level if attempt.number != 6 else 0.1)
        if attempt.number == 1:
            raise MemoryError
        scores = [0.6, 0.5] if attempt.number == 0 else [0.6]
        attempt.note(**{SCORES: scores})
        return float(np.mean(scores))

    wanted = plan(pruner="median", epochs=4, trials=7)
    work(wanted, storage, objective)
    found = trials_table(settled(open_study(wanted, storage).get_trials()), wanted)
    assert list(found["number"]) == list(range(7))
    assert list(found["state"])[:2] == ["complete", "failed"]
    assert found["value"][0] == pytest.approx(0.55)
    assert found["seeds"][0] == 2
    assert found["deviation"][0] == pytest.approx(np.std([0.6, 0.5], ddof=1))
    assert np.isnan(found["value"][1])
    assert found["reason"][1] == "MemoryError"
    pruned = found[found["number"] == 6].iloc[0]
    assert (pruned["state"], pruned["value"], pruned["epochs"]) == ("pruned", 0.1, 2)
    assert found["training.learning_rate"].between(0, 1).all()


def test_the_best_is_of_those_with_the_most_seeds() -> None:
    """A single lucky training is not the best of a sweep."""
    rows = [row(value=0.9), row(number=1, value=0.7, seeds=3), row(number=2, value=0.6, seeds=3)]
    rows.append(row(number=3, state="pruned", value=0.95, seeds=3))
    assert best_trial(pd.DataFrame(rows), minimise=False)["number"] == 1
    assert best_trial(pd.DataFrame(rows), minimise=True)["number"] == 2


def test_without_a_complete_trial_the_first_reason_is_told() -> None:
    failed = pd.DataFrame([row(state="failed", value=np.nan, reason="Images are too small.")])
    with pytest.raises(GraftError, match=r"None of the 1 trials .* Images are too small\."):
        best_trial(failed, minimise=False)


def test_values_keep_their_types_through_a_file(tmp_path: Path) -> None:
    """Where a trial failed before anything was sampled, numbers come back as text or floats."""
    nothing = dict.fromkeys(SPACE)
    rows = [row(reason=""), row(state="failed", reason="x", **nothing)]
    file = TableDataset(filepath=str(tmp_path / "trials.csv"))
    file.save(pd.DataFrame(rows))
    values = sampled_values(best_trial(file.load(), minimise=False), read_space(SPACE))
    expected = {key: row()[key] for key in SPACE}
    assert values == expected
    assert [type(v) for v in values.values()] == [type(v) for v in expected.values()]


@pytest.mark.parametrize("others", [[0.9], [32], ["relu"], [True], [32, "auto"]])
def test_nothing_is_a_value_as_others_are(tmp_path: Path, others: list[Any]) -> None:
    """Among numbers pandas makes NaN of it, and a file an empty text."""
    choices = [None, *others]
    space = read_space({"model.any": choices})
    rows = [{"state": "complete", "value": 0.5, "model.any": choice} for choice in choices]
    file = TableDataset(filepath=str(tmp_path / "trials.csv"))
    file.save(pd.DataFrame(rows))
    for table in (pd.DataFrame(rows), file.load()):
        found = [sampled_values(row, space)["model.any"] for row in table.to_dict("records")]
        assert found == choices


def test_a_parameter_that_decides_alone_is_correlated_and_important() -> None:
    space = read_space(SPACE)
    found = correlations(table(), space, confidence=0.95).set_index("parameter")
    rate = found.loc["training.learning_rate"]
    assert rate["correlation"] == pytest.approx(-1)  # with the logarithm
    other = found.loc["training.batch_size"]
    assert other["low"] < other["correlation"] < other["high"]
    names = {name for name in found.index if "activation" in name}
    assert names == {f"model.options.activation = {name}" for name in ("gelu", "relu", "silu")}
    important = importances(table(), space, seed=0).set_index("parameter")["importance"]
    assert important["training.learning_rate"] > 0.9
    assert important.sum() == pytest.approx(1)


def test_trials_with_the_same_parameters_make_no_parameter_important() -> None:
    same = table(4).assign(**{key: row()[key] for key in SPACE})
    assert importances(same, read_space(SPACE), seed=0).empty


def test_pruned_trials_count_and_failed_ones_do_not() -> None:
    trials = table(12)
    trials.loc[3, "state"] = "pruned"
    trials.loc[4, ["state", "value"]] = ["failed", np.nan]
    assert set(correlations(trials, read_space(SPACE), 0.95)["trials"]) == {11}


def test_fishers_interval_is_that_of_the_textbook() -> None:
    """r = 0.6 of 30 pairs: 0.31 to 0.79 (e.g. Fisher 1925)."""
    numbers = np.random.default_rng(0).normal(size=(2, 30))
    numbers -= numbers.mean(axis=1, keepdims=True)
    x, rest = numbers
    rest = rest - x * (rest @ x) / (x @ x)
    y = 0.6 * x / np.linalg.norm(x) + 0.8 * rest / np.linalg.norm(rest)
    space = read_space({"training.momentum": {"low": -9.0, "high": 9.0}})
    trials = pd.DataFrame({"value": y, "training.momentum": x})
    (found,) = correlations(trials, space, 0.95).to_dict("records")
    assert found["correlation"] == pytest.approx(0.6)
    assert (found["low"], found["high"]) == pytest.approx((0.305, 0.789), abs=0.002)


def test_too_few_trials_give_empty_tables() -> None:
    space = read_space(SPACE)
    assert importances(table(1), space, seed=0).empty
    assert correlations(table(1), space, 0.95).empty


def test_names_are_shortened_where_that_leaves_them_apart() -> None:
    names = ["training.learning_rate", "model.options.dropout", "other.dropout"]
    assert list(with_short_names(names).values()) == ["learning_rate", *names[1:]]
