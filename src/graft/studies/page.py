"""A study as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graft.evaluation.claims import HOLDS
from graft.evaluation.verdicts import COUNTED, NOT_COMPARABLE, VERDICTS, judge
from graft.report.numbers import in_words, missing, seconds, title
from graft.report.origin import repeating_section
from graft.report.page import (
    Block,
    Code,
    Facts,
    Note,
    Picture,
    Section,
    Table,
    Text,
    render_page,
)
from graft.studies.results import interval_of
from graft.studies.rows import FAILED

if TYPE_CHECKING:
    import pandas as pd

    from graft.studies.plan import PlannedRow, StudyPlan
    from graft.studies.results import RowResult

_RULE = (
    "Reproduced: the interval of what was measured overlaps the one that the reported number would "
    "have on as many test images. Better and worse: it does not. Not comparable: one of the two "
    "numbers is missing, or something else is known to differ."
)


def study_page(
    plan: StudyPlan,
    outcomes: Mapping[str, Any],
    table: pd.DataFrame,
    claims: pd.DataFrame,
    results: Sequence[RowResult],
    figure: bytes,
    origin: Mapping[str, Any],
) -> str:
    """The page.

    Args:
        plan: The study.
        outcomes: What became of each row (`graft.studies.rows.run_rows`).
        table: Of `graft.studies.table.study_table`.
        claims: Of `graft.studies.table.claims_table`.
        results: What the rows have left.
        figure: The table as PNG.
        origin: What it takes to make the study again, as `RunOriginDataset` loads it.
    """
    sections = [
        Section(
            "Reported and measured",
            [
                _table(table),
                *_reasons(table),
                Picture(figure, "The same as a figure", "Bars are the reported numbers."),
            ],
        ),
        Section("Rows that failed", _failures(outcomes)),
        Section("What the report concludes", _claims(claims)),
        Section("Class by class", [*_per_class(plan.rows, results)]),
        Section("What the report leaves open", [*_about_rows(plan.rows)]),
        Section("Where it ran", _where(table, results)),
        repeating_section({**origin, "command": plan.command, "experiment_file": ""}),
    ]
    return render_page(
        f"Study: {plan.file.name}",
        plan.file.description,
        sections,
        _highlights(table, claims, results),
    )


def _highlights(
    table: pd.DataFrame, claims: pd.DataFrame, results: Sequence[RowResult]
) -> list[tuple[str, str]]:
    found = [
        (str(int((table["verdict"] == verdict).sum())), verdict) for verdict in (*VERDICTS, FAILED)
    ]
    shown = [(count, verdict) for count, verdict in found if count != "0"]
    if len(claims):
        holding = int((claims["verdict"] == HOLDS).sum())
        shown.append((f"{holding} of {len(claims)}", "conclusions hold"))
    runs = {(r.record.experiment, r.record.version): r.record.seconds for r in results}
    known = [duration for duration in runs.values() if duration is not None]
    if not known:
        return shown
    count = str(len(runs)) if len(known) == len(runs) else f"{len(known)} of {len(runs)}"
    return [*shown, (seconds(sum(known)), f"in {count} runs")]


def _table(table: pd.DataFrame) -> Table:
    several_measures = table["measure"].nunique() > 1
    rows = []
    for line in table.to_dict("records"):
        measure = line["measure"]
        reported = in_words(measure, line["reported"])
        counted = measure in COUNTED  # without an interval
        ends = () if counted else (line["measured_low"], line["measured_high"])
        measured = in_words(measure, line["measured"], *ends)
        if not (counted or missing(line["deviation"])):
            spread = in_words(measure, line["deviation"])
            measured += f", {line['seeds']} seeds ± {spread}"
        name = f"{line['row']}  {line['description']}"
        under = title(measure) if several_measures else ""
        if line["run_as"] != line["row"]:
            under = f"{under}, as {line['run_as']}".removeprefix(", ")
        rows.append(
            [
                f"{name}\n{under}" if under else name,
                reported,
                measured,
                line["verdict"],
                _beside("train_seconds", line["train_seconds"], line["reported_seconds"]),
                in_words("total_seconds", line["total_seconds"]),
                _beside("parameters", line["parameters"], line["reported_parameters"]),
            ]
        )
    measured = "measured" if several_measures else f"measured {title(table['measure'].iloc[0])}"
    header = ["row", "reported", measured, "verdict", "training", "whole run", "parameters"]
    return Table(header, rows, _RULE)


def _beside(key: str, measured: Any, reported: Any) -> str:
    """A number, under it the reported one, which no interval belongs to."""
    words = in_words(key, measured)
    return words if missing(reported) else f"{words}\nreported {in_words(key, reported)}"


def _reasons(table: pd.DataFrame) -> list[Block]:
    """Why rows are not comparable, failed with some of their seeds or lack a time, each once."""
    measured = table["measured"].notna()
    of_some_seeds = (table["verdict"] == FAILED) & measured
    rows_of: dict[tuple[str, str], list[str]] = {}
    for line in table[(table["verdict"] == NOT_COMPARABLE) | of_some_seeds].to_dict("records"):
        rows_of.setdefault((line["verdict"].capitalize(), line["why"]), []).append(line["row"])
    for name in table[measured & table["total_seconds"].isna()]["row"]:
        untimed = ("No time of the whole run", "an earlier process had begun it")
        rows_of.setdefault(untimed, []).append(name)
    return [
        Text(f"{what}: {', '.join(dict.fromkeys(rows))} ({why}).")
        for (what, why), rows in rows_of.items()
    ]


def _failures(outcomes: Mapping[str, Any]) -> list[Block]:
    return [
        block
        for name, told in outcomes.items()
        for one in told
        if one["state"] == FAILED
        for block in (
            Note(f"{name} (seed {one['seed']}) failed. The same command runs it again."),
            Code(one["problem"]),
        )
    ]


def _claims(claims: pd.DataFrame) -> list[Block]:
    if claims.empty:
        return []
    rows = [[line["claim"], line["verdict"], line["why"]] for line in claims.to_dict("records")]
    return [
        Table(
            ["conclusion", "here", "why"],
            rows,
            "Tested on the same test images, pair by pair; p-values are corrected for the number "
            "of pairs of a conclusion (Holm).",
            prose=True,
        )
    ]


def _per_class(rows: Sequence[PlannedRow], results: Sequence[RowResult]) -> list[Table]:
    """Of rows for which the report gives each class: reported and measured."""
    tables = []
    for row in rows:
        reported = row.reported.get("per_class")
        result = next((result for result in results if result.row == row.name), None)
        if not reported or result is None or "per_class" not in result.metrics:
            continue
        measured = result.metrics["per_class"]
        measure = "average_precision" if result.metrics["multi_label"] else "accuracy"
        lines = []
        for number, (name, figures) in zip(reported, measured.items(), strict=False):
            interval = interval_of(figures, measure)
            verdict = judge(
                measure, number, interval, figures["support"], result.metrics["confidence"]
            )
            lines.append(
                [
                    name,
                    in_words("accuracy", number),
                    in_words("accuracy", *interval),
                    "not comparable" if row.not_comparable else verdict.verdict,
                ]
            )
        caption = f"{row.name}, seed {result.seed}: {row.description}."
        tables.append(Table(["class", "reported", "measured", "verdict"], lines, caption))
    return tables


def _about_rows(rows: Sequence[PlannedRow]) -> list[Block]:
    """Assumptions and notes; what all rows share is said once."""
    blocks: list[Block] = []
    shared = [
        sentence
        for sentence in (rows[0].assumptions if rows else ())
        if all(sentence in row.assumptions for row in rows)
    ]
    if shared:
        blocks.append(Text(f"Of all rows: {' '.join(shared)}"))
    facts = []
    for row in rows:
        own = [sentence for sentence in row.assumptions if sentence not in shared]
        if told := " ".join([*own, row.note]).strip():
            facts.append((f"{row.name}  {row.description}", told))
    return (
        [*blocks, Table(["row", "assumed, and to be known"], facts, prose=True)]
        if facts
        else blocks
    )


def _where(table: pd.DataFrame, results: Sequence[RowResult]) -> list[Block]:
    if not results:
        return []
    records = [result.record for result in results]
    facts = [
        ("machine", ", ".join(dict.fromkeys(machine for machine in table["machine"] if machine))),
        ("platform", ", ".join(dict.fromkeys(str(r.machine["platform"]) for r in records))),
        ("commit of the rows", ", ".join(dict.fromkeys(r.commit or "unknown" for r in records))),
        ("first begun", min(record.started for record in records)),
        ("last begun", max(record.started for record in records)),
        ("seeds", ", ".join(map(str, sorted({record.seed for record in records})))),
    ]
    return [Facts(facts)]
