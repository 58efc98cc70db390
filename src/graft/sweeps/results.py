"""What a sweep has found: the table of its trials, the best one, what made the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError
from graft.sweeps.plan import Plan
from graft.sweeps.space import Choices, Dimension, Values, as_label
from graft.sweeps.study import REASON, RUN, SCORES, SECONDS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial

STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
# The columns of the table that come before the parameters.
COLUMNS = ("number", "state", "value", "seeds", "deviation", "epochs", "seconds", "reason", "run")


def trials_table(trials: Sequence[FrozenTrial], plan: Plan) -> pd.DataFrame:
    """A row for each settled trial, in the order of their numbers.

    Returns:
        number; state (complete, pruned, failed); value, the mean over the seeds of the best epoch,
        of a pruned trial the best epoch's until then, of a failed one NaN; seeds, the number of
        trainings; deviation between them (NaN of one); epochs that the first training was reported
        for; seconds; reason of a failure; run, MLflow's id; and a column for each parameter.
    """
    import numpy as np
    import pandas as pd

    rows = []
    for trial in trials:
        noted = trial.user_attrs
        reported = list(trial.intermediate_values.values())
        scores = noted.get(SCORES, [])
        value = math.nan
        if trial.state.name == "COMPLETE" and trial.value is not None:
            value = trial.value
        elif trial.state.name == "PRUNED" and reported:
            value = plan.best_of(reported)
        died = "its process died twice" if trial.state.name == "FAIL" else ""
        row = {
            "number": trial.number,
            "state": STATES[trial.state.name],
            "value": value,
            "seeds": max(1, len(scores)) if reported else len(scores),
            "deviation": float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan,
            "epochs": len(reported),
            "seconds": noted.get(SECONDS, _lasted(trial)),
            "reason": noted.get(REASON, died),
            "run": noted.get(RUN) or "",
        }
        rows.append(row | {d.key: trial.params.get(d.key) for d in plan.space})
    columns = [*COLUMNS, *(dimension.key for dimension in plan.space)]
    return pd.DataFrame(rows, columns=columns)


def best_trial(table: pd.DataFrame, *, minimise: bool) -> dict[str, Any]:
    """The row of the best trial: of the complete ones with the most seeds, the best by value.

    A trial with fewer seeds was not promising when it was done, or would be the best by one draw.

    Raises:
        GraftError: No trial is complete.
    """
    complete = table[table["state"] == "complete"]
    if complete.empty:
        reasons = [reason for reason in table["reason"] if reason]
        first = f" The first reason: {reasons[0]}" if reasons else ""
        raise GraftError(f"None of the {len(table)} trials of the sweep is complete.{first}")
    thorough = complete[complete["seeds"] == complete["seeds"].max()]
    place = thorough["value"].idxmin() if minimise else thorough["value"].idxmax()
    return {str(key): value for key, value in table.loc[place].items()}


def sampled_values(row: dict[str, Any], space: Sequence[Dimension]) -> Values:
    """The parameters of a row of the table, in the types that the space has."""
    values = {}
    for dimension in space:
        cell = row[dimension.key]
        if isinstance(dimension, Choices):
            matching = [label for label in dimension.labels if _is_same(label, cell)]
            values[dimension.key] = dimension.values[dimension.labels.index(matching[0])]
        else:
            whole = isinstance(dimension.low, int) and isinstance(dimension.high, int)
            values[dimension.key] = int(cell) if whole else float(cell)
    return values


def importances(table: pd.DataFrame, space: Sequence[Dimension], seed: int) -> pd.DataFrame:
    """Of the variance that parameters explain by themselves, each one's (Hutter et al. 2014).

    Complete and pruned trials count, as in `correlations`.

    Returns:
        Columns parameter and importance, which add up to 1, the largest first; without rows where
        fewer than two trials have a value, or all have the same, or the same parameters.
    """
    import optuna
    import pandas as pd

    known = table[table["value"].notna()]
    columns = ["parameter", "importance"]
    differ = len(known[[dimension.key for dimension in space]].drop_duplicates()) > 1
    if known["value"].nunique() < 2 or not differ:
        return pd.DataFrame(columns=columns)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler())
    distributions = {dimension.key: dimension.distribution() for dimension in space}
    for row in known.to_dict("records"):
        values = sampled_values(row, space)
        params = {d.key: as_label(values[d.key]) for d in space}
        study.add_trial(
            optuna.create_trial(params=params, distributions=distributions, value=row["value"])
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return pd.DataFrame(list(found.items()), columns=columns)


def correlations(
    table: pd.DataFrame, space: Sequence[Dimension], confidence: float
) -> pd.DataFrame:
    """Pearson's correlation of each parameter with the value, with an interval (Fisher's z).

    Numbers count as they are, or by their logarithm where their range is logarithmic; of names each
    has a row of its own, against all others (of two names the first). Pruned trials count with
    the best epoch until then: without them the worst parameters would be missing.

    Returns:
        Columns parameter, correlation, low, high (NaN of fewer than four trials) and trials;
        parameters that never vary are left out.
    """
    import numpy as np
    import pandas as pd

    known = table[table["value"].notna()]
    values = known["value"].to_numpy(float)
    rows = []
    for name, numbers in _columns_of_numbers(known, space):
        if len(values) < 2 or np.ptp(numbers) == 0 or np.ptp(values) == 0:
            continue
        found = float(np.corrcoef(numbers, values)[0, 1])
        low, high = _fisher_interval(found, len(values), confidence)
        rows.append((name, found, low, high, len(values)))
    return pd.DataFrame(rows, columns=["parameter", "correlation", "low", "high", "trials"])


def with_short_names(keys: Sequence[str]) -> dict[str, str]:
    """For each dotted name its last part, or all of it where two end alike."""
    last = [key.rpartition(".")[2] for key in keys]
    return {k: short if last.count(short) == 1 else k for k, short in zip(keys, last, strict=True)}


def _columns_of_numbers(
    known: pd.DataFrame, space: Sequence[Dimension]
) -> list[tuple[str, NDArray[np.float64]]]:
    import numpy as np

    columns: list[tuple[str, NDArray[np.float64]]] = []
    for dimension in space:
        rows = known.to_dict("records")
        cells = [sampled_values(row, [dimension])[dimension.key] for row in rows]
        if all(isinstance(cell, bool | int | float) for cell in cells):
            numbers = np.array(cells, float)
            logarithmic = not isinstance(dimension, Choices) and dimension.log
            columns.append((dimension.key, np.log(numbers) if logarithmic else numbers))
            continue
        texts = [str(as_label(cell)) for cell in cells]
        names = sorted(set(texts))
        for text in names if len(names) > 2 else names[:1]:  # of two, one says all
            numbers = np.array([cell == text for cell in texts], float)
            columns.append((f"{dimension.key} = {text}", numbers))
    return columns


def _is_same(label: Any, cell: Any) -> bool:
    """Whether a table's cell, which a file may have made text or a float, is this value."""
    if label is None:  # among numbers pandas makes it NaN, and a file makes it an empty text
        return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))
    if isinstance(label, bool) or not isinstance(label, int | float):
        return str(label) == str(cell)
    try:
        return not isinstance(cell, bool) and float(cell) == label
    except (TypeError, ValueError):
        return False


def _fisher_interval(correlation: float, count: int, confidence: float) -> tuple[float, float]:
    from scipy.stats import norm

    if count < 4 or abs(correlation) >= 1:
        return math.nan, math.nan
    reach = norm.ppf((1 + confidence) / 2) / math.sqrt(count - 3)
    centre = math.atanh(correlation)
    return math.tanh(centre - reach), math.tanh(centre + reach)


def _lasted(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else math.nan
