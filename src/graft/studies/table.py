"""The table of a study: reported and measured side by side, and the report's conclusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.claims import judge_claim
from graft.evaluation.leaderboard import Result
from graft.evaluation.verdicts import NOT_COMPARABLE, Verdict, judge, over_seeds
from graft.studies.rows import FAILED

if TYPE_CHECKING:
    import pandas as pd

    from graft.studies.plan import PlannedRow, StudyPlan
    from graft.studies.results import RowResult

_NUMBERS = (
    "reported",
    "measured",
    "measured_low",
    "measured_high",
    "deviation",
    "train_seconds",
    "total_seconds",
    "reported_seconds",
)
_COUNTS = ("seeds", "test_images", "parameters", "reported_parameters")


def study_table(
    plan: StudyPlan, outcomes: Mapping[str, Any], results: Sequence[RowResult]
) -> pd.DataFrame:
    """A line for each row and reported measure; of a row without a reported number one line.

    Args:
        plan: The study.
        outcomes: What became of each row, as `graft.studies.rows.run_rows` returns it.
        results: What the runs have left.

    Returns:
        Columns row, description, measure, method; reported; measured with measured_low and
        measured_high (over several seeds the mean, see `graft.evaluation.verdicts.over_seeds`) and
        deviation (of the seeds); seeds; test_images; train_seconds and total_seconds (of the
        training, and of the whole run; means over seeds; the latter NaN where an earlier process
        had begun it) with reported_seconds (on the report's machine); parameters and
        reported_parameters; verdict (reproduced, better, worse, not comparable; failed, with what
        the other seeds measured) and why; run_as (the row under whose name it ran), runs (MLflow's
        ids), commit and machine.
    """
    import pandas as pd

    lines = []
    for row in plan.rows:
        of_row = [result for result in results if result.row == row.name]
        told = outcomes[row.name]
        for measure, reported in (row.reported_measures() or {plan.file.measure: np.nan}).items():
            line = {"row": row.name, "description": row.description, "measure": measure}
            line |= _line(row, measure, reported, of_row, told)
            run_as = of_row[0].record.experiment if of_row else told[0]["run_as"]
            lines.append(line | {"run_as": run_as} | _origin(of_row))
    table = pd.DataFrame(lines)
    return table.astype(dict.fromkeys(_NUMBERS, float)).astype(dict.fromkeys(_COUNTS, "Int64"))


def claims_table(
    plan: StudyPlan,
    results: Sequence[RowResult],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """A line for each claim of the study all of whose rows were chosen: claim, verdict, why."""
    import pandas as pd

    chosen = {row.name for row in plan.rows}
    contestants: dict[str, list[Result]] = {name: [] for name in chosen}
    for result in results:
        if result.predictions is not None:
            run = result.record.run_id or result.record.version
            contestants[result.row].append(
                Result(result.row, result.seed, run, result.record.data, result.predictions)
            )
    judged = [
        judge_claim(claim, contestants, resamples=resamples, confidence=confidence, seed=seed)
        for claim in plan.file.claims
        if chosen.issuperset(claim.among)
    ]
    lines = [
        {"claim": told.claim.text, "verdict": told.verdict, "why": told.why} for told in judged
    ]
    return pd.DataFrame(lines, columns=["claim", "verdict", "why"])


def _line(
    row: PlannedRow,
    measure: str,
    reported: float,
    results: Sequence[RowResult],
    told: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    line: dict[str, Any] = {"method": results[0].method if results else "", "reported": reported}
    line |= dict.fromkeys((*_NUMBERS[1:], *_COUNTS))
    measured = [found for result in results if (found := result.measured(measure))]
    if measured:
        first = results[0].metrics
        interval, deviation = over_seeds(measured, first["confidence"])
        names = ("measured", "measured_low", "measured_high")
        line |= dict(zip(names, interval, strict=True))
        line |= {"deviation": deviation, "test_images": first["test_images"]}
    no_number = "" if reported == reported else "the report gives no number"
    if failures := _failures(told):
        verdict = Verdict(FAILED, failures)
    elif not measured:
        why = f"the run has no {measure}" if results else "the images were replaced after its run"
        verdict = Verdict(NOT_COMPARABLE, why)
    elif no_number or row.not_comparable:
        why = "; ".join(filter(None, [no_number, row.not_comparable]))
        verdict = Verdict(NOT_COMPARABLE, why)
    else:
        verdict = judge(measure, reported, interval, first["test_images"], first["confidence"])
    line |= {f"reported_{key}": row.reported.get(key) for key in ("seconds", "parameters")}
    return line | _costs(results) | verdict._asdict()


def _failures(told: Sequence[Mapping[str, Any]]) -> str:
    """Which seeds failed, and why; "" where none did."""
    failed = [one for one in told if one["state"] == FAILED]
    if len(told) == 1:
        return "".join(_in_a_line(one["problem"]) for one in failed)
    reasons = [f"seed {one['seed']}, {_in_a_line(one['problem'])}" for one in failed]
    count = f"{len(failed)} of {len(told)} seeds failed"
    return f"{count}: {'; '.join(reasons)}" if failed else ""


def _in_a_line(problem: str) -> str:
    """How it ended, and the last line of its output, which stands before the name of its log."""
    how, *output = problem.splitlines()
    return ": ".join([how, *(line.strip() for line in output[-2:-1])])


def _costs(results: Sequence[RowResult]) -> dict[str, Any]:
    if not results:
        return {}
    training = [result.details.get("train_seconds", np.nan) for result in results]
    whole_runs = [result.record.seconds for result in results]  # None: not known
    return {
        "seeds": len(results),
        "train_seconds": float(np.mean(training)),
        "total_seconds": float(np.mean(np.array(whole_runs, dtype=float))),
        "parameters": results[0].details.get("parameters"),
    }


def _origin(results: Sequence[RowResult]) -> dict[str, str]:
    records = [result.record for result in results]

    def each(values: list[Any]) -> str:
        return ", ".join(dict.fromkeys(str(value) for value in values if value))

    return {
        "runs": " ".join(record.run_id or "" for record in records).strip(),
        "commit": each([record.commit for record in records]),
        "machine": each(
            [record.machine["gpu"] or f"{record.machine['processors']} CPUs" for record in records]
        ),
    }
