"""The report of one run: what came out, what to look at, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graft.evaluation.baselines import BASELINES
from graft.evaluation.comparison import ACCURACY, MEAN_AVERAGE_PRECISION
from graft.report.data import data_section
from graft.report.figures import pictures
from graft.report.numbers import in_words, of_interval, title
from graft.report.origin import configuration_section, repeating_section
from graft.report.page import Block, Note, Section, Table, Text, render_page

if TYPE_CHECKING:
    import pandas as pd

_MOST_CONFUSED = 10  # pairs of classes
_COSTS = (
    "train_seconds",
    "epochs",
    "predict_seconds",
    "images_per_second",
    "parameters",
    "trainable_parameters",
    "multiply_accumulates",
)


@dataclass(frozen=True, eq=False)
class RunResults:
    """What a run has made.

    Attributes:
        origin: What it takes to make the run again, as `RunOriginDataset` loads it.
        card: The dataset card.
        quarantine: A row for each file that could not be used.
        metrics: For each method the result of `classification_metrics`, the most important first.
        comparison: The result of `comparison_table`.
        model_summary: The stages of the network, as `stage_summary` returns them.
        figures: PNG files by their names in the catalog; those of `graft.report.figures` are shown.
        diagnosis: For each training what `graft.evaluation.diagnosis` says of it.
        calibration: What `calibration_metrics` says of the first method.
    """

    origin: Mapping[str, Any]
    card: Mapping[str, Any]
    quarantine: pd.DataFrame
    metrics: Mapping[str, Mapping[str, Any]]
    comparison: pd.DataFrame
    model_summary: pd.DataFrame
    figures: Mapping[str, bytes] = field(default_factory=dict)
    diagnosis: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)


def run_report(run: RunResults) -> str:
    """The report as HTML."""
    source, backbone = run.card["source"], run.origin["parameters"]["model"]["backbone"]
    subtitle = (
        f"{run.card['images']:,} images of {len(run.card['classes'])} classes from {source}; "
        f"backbone {backbone}"
    )
    sections = [
        _results(run),
        _errors(run),
        Section("Network", [_stages(run.model_summary), *pictures("network", run.figures)]),
        data_section(run.card, run.quarantine, pictures("data", run.figures)),
        configuration_section(run.origin),
        repeating_section(run.origin),
    ]
    return render_page(f"Graft: {run.origin['experiment']}", subtitle, sections, _highlights(run))


def _measure(comparison: pd.DataFrame) -> str:
    return ACCURACY if ACCURACY in comparison else MEAN_AVERAGE_PRECISION


def _highlights(run: RunResults) -> list[tuple[str, str]]:
    """The first method's score, the best of the others, the baseline, and the time."""
    measure = _measure(run.comparison)
    known = run.comparison["method"].isin(BASELINES)
    methods, baseline = run.comparison[~known], run.comparison[known].iloc[0]
    found = []
    first = methods.iloc[0]
    shown = [first]
    if len(methods) > 1:
        others = methods.iloc[1:]
        shown += [others.loc[others[measure].idxmax()], others.iloc[-1]]
    for row in {row["method"]: row for row in shown}.values():
        value = in_words(measure, row[measure])
        low, high = (in_words(measure, row[f"{measure}_{end}"]) for end in ("low", "high"))
        found.append((value, f"{title(measure)}, {row['method']} [{low} to {high}]"))
    found.append((in_words(measure, baseline[measure]), f"{baseline['method']}: knows no image"))
    found.append((f"{int(first['test_images']):,}", "test images"))
    return found


def _results(run: RunResults) -> Section:
    blocks: list[Block] = []
    if worse := _below_baseline(run.metrics):
        blocks.append(Note(f"Worse than a classifier that knows no image: {', '.join(worse)}."))
    confidence = next(iter(run.metrics.values()))["confidence"]
    intervals = f"In brackets: {100 * confidence:g} % intervals."
    blocks += [
        *(
            Text(f"Diagnosis, {method}: {found['sentence']}")
            for method, found in run.diagnosis.items()
        ),
        quality_table(run.comparison, intervals),
        cost_table(run.comparison),
        _all_measures(run.metrics, intervals),
        *pictures("results", run.figures),
        *_calibration(run.calibration),
    ]
    return Section("Results", blocks)


def _below_baseline(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        method
        for method, measured in metrics.items()
        if measured.get("below_majority") or measured.get("below_prevalence")
    ]


def quality_table(comparison: pd.DataFrame, caption: str) -> Table:
    """How good each method is, with intervals: a row a method, of any `comparison_table`."""
    keys = [key for key in _scores(comparison) if key not in (*_COSTS, "method", "test_images")]
    rows = [
        [
            row["method"],
            *(in_words(k, row[k], row.get(f"{k}_low"), row.get(f"{k}_high")) for k in keys),
        ]
        for row in comparison.to_dict("records")
    ]
    return Table(["method", *map(title, keys)], rows, caption)


def cost_table(comparison: pd.DataFrame) -> Table:
    """What each method costs."""
    keys = [key for key in _COSTS if key in comparison and comparison[key].notna().any()]
    rows = [
        [row["method"], *(in_words(key, row[key]) for key in keys)]
        for row in comparison.to_dict("records")
        if row["method"] not in BASELINES
    ]
    return Table(["method", *map(title, keys)], rows, "What it costs.")


def _calibration(calibration: Mapping[str, Any]) -> list[Block]:
    """What a temperature changes, where there were validation images to fit it on."""
    if not calibration.get("validation_images"):
        return []
    before, after = calibration["uncalibrated"], calibration["calibrated"]
    rows = [
        [title(key), of_interval(key, before[key]), of_interval(key, after[key])]
        for key in ("log_loss", "brier", "ece")
        if key in before
    ]
    temperature = calibration["temperature"]
    caption = (
        f"Probabilities of {calibration['method']} on the test images, as they are and at the "
        f"temperature that fits {calibration['validation_images']:,} validation images best."
    )
    return [Table(["", "as they are", f"at temperature {temperature:.2f}"], rows, caption)]


def _scores(comparison: pd.DataFrame) -> list[str]:
    """The columns without the ends of intervals."""
    return [c for c in comparison.columns if not c.endswith(("_low", "_high"))]


def _all_measures(metrics: Mapping[str, Mapping[str, Any]], caption: str) -> Table:
    """A row for each measure that some method has, a column for each method."""
    measures = dict.fromkeys(
        key
        for measured in metrics.values()
        for key, value in measured.items()
        if isinstance(value, Mapping) and "value" in value
    )
    rows = [
        [title(key), *(of_interval(key, measured.get(key, {})) for measured in metrics.values())]
        for key in measures
    ]
    return Table(["measure", *metrics], rows, f"All measures. {caption}", folded=True)


def _errors(run: RunResults) -> Section:
    method, measured = next(iter(run.metrics.items()))
    blocks: list[Block] = []
    if pairs := _most_confused(measured):
        caption = f"What {method} takes for something else most often."
        blocks.append(Table(["true class", "taken for", "images", "of the class"], pairs, caption))
    return Section("Errors to look at", [*blocks, *pictures("errors", run.figures)])


def _most_confused(measured: Mapping[str, Any]) -> list[list[str]]:
    if "confusion_matrix" not in measured:
        return []
    names, cells = measured["class_names"], measured["confusion_matrix"]
    pairs = sorted(
        (-count, cells["rates"][row][column], names[row], names[column])
        for row, counts in enumerate(cells["counts"])
        for column, count in enumerate(counts)
        if row != column and count
    )
    return [
        [true, taken_for, f"{-count:,}", f"{100 * rate:.1f} %"]
        for count, rate, true, taken_for in pairs[:_MOST_CONFUSED]
    ]


def _stages(summary: pd.DataFrame) -> Table:
    rows = [
        [
            row["stage"],
            row["output_shape"],
            f"{row['parameters']:,}",
            f"{row['trainable_parameters']:,}",
            row["trained"],
            f"{row['multiply_accumulates']:,}",
        ]
        for row in summary.to_dict("records")
    ]
    header = [
        "stage",
        "output",
        "parameters",
        "of these trained",
        "trained",
        "multiply-accumulates",
    ]
    return Table(header, rows, "The network, stage by stage; multiply-accumulates of one image.")
