"""Figures: they draw without a display, show the right numbers and fit many classes."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from graft.evaluation import Predictions, classification_metrics, comparison_table, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS: dict[str, Any] = {"resamples": 50, "confidence": 0.95, "seed": 0}


def predictions(classes: int, images: int = 200, name: str = "fine-tuned") -> Predictions:
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, images)
    scores = rng.random((images, classes)) + 0.5 * np.eye(classes)[labels]
    names = tuple(f"class {k}" for k in range(classes))
    return Predictions(name, np.arange(images), labels, scores, names, 0.0)


def measured(classes: int) -> dict[str, Any]:
    return classification_metrics(predictions(classes), **SETTINGS)


def several(classes: int, name: str = "fine-tuned", images: int = 60) -> Predictions:
    """Probabilities of several labels; the last class of all is never shown."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(-1, 2, (images, classes))
    labels[:, -1] = 0
    scores = rng.random((images, classes)) / 2 + 0.4 * (labels == 1)
    names = tuple(f"class {k}" for k in range(classes))
    return Predictions(name, np.arange(images), labels, scores, names, 0.0, threshold=0.5)


def measured_labels(classes: int) -> dict[str, Any]:
    return classification_metrics(several(classes), **SETTINGS)


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


def drawn(figure: Figure) -> Figure:
    """The figure, after it was written as a PNG of a reasonable size."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=30)
    assert png.getvalue().startswith(b"\x89PNG")
    assert max(figure.get_size_inches()) < 40
    return figure


def test_figures_leave_no_trace_in_pyplot_and_imports_are_lazy() -> None:
    code = (
        "import sys, graft.evaluation, graft.evaluation.figures as figures\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'matplotlib', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import numpy as np\n"
        "figures.image_grid(np.zeros((2, 8, 8, 3), np.uint8), ['a', 'b'], 2)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("classes", [2, 10, 30, 100])
def test_confusion_matrices_of_any_size_are_drawn(classes: int) -> None:
    figure = drawn(figures.confusion_matrix(measured(classes), "A title"))
    shown = texts(figure)
    assert "A title" in shown
    assert f"class {classes - 1}" in shown


def test_small_confusion_matrices_show_counts_shares_and_intervals() -> None:
    metrics = measured(2)
    cells = metrics["confusion_matrix"]
    count, rate = cells["counts"][0][1], 100 * cells["rates"][0][1]
    low, high = 100 * cells["low"][0][1], 100 * cells["high"][0][1]
    wanted = f"{count}\n{rate:.1f} %\n[{low:.1f}, {high:.1f}]"
    assert wanted in texts(figures.confusion_matrix(metrics, ""))


def test_classes_without_test_images_are_drawn() -> None:
    absent = Predictions("any", ["a", "b"], [0, 0], np.eye(3)[:2], tuple("xyz"), 0.0)
    metrics = classification_metrics(absent, **SETTINGS)
    drawn(figures.confusion_matrix(metrics, "one class only"))
    drawn(figures.per_class_scores({"any": metrics}))


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_per_class_bars_have_the_height_of_the_accuracy(classes: int) -> None:
    metrics = measured(classes)
    figure = drawn(figures.per_class_scores({"one": metrics, "two": metrics}))
    bars = figure.axes[0].patches
    assert len(bars) == 2 * classes
    upright = classes <= 15
    lengths = [bar.get_height() if upright else bar.get_width() for bar in bars[:classes]]
    accuracies = [row["accuracy"] for row in metrics["per_class"].values()]
    np.testing.assert_array_equal(lengths, np.array(accuracies, dtype=float))


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_decisions_on_several_labels_are_drawn_for_each_class(classes: int) -> None:
    metrics = measured_labels(classes)
    figure = drawn(figures.confusion_matrix(metrics, "A title"))
    claimed, shown = figure.axes
    row = metrics["per_class"]["class 0"]
    found, claims = row["found"], row["found"] + row["false_alarms"]
    assert claimed.patches[0].get_width() == pytest.approx(row["precision"])
    assert shown.patches[0].get_width() == pytest.approx(row["recall"])
    assert claimed.texts[0].get_text() == f"{found} of {claims}"
    assert shown.texts[0].get_text() == f"{found} of {row['support']}"
    # A class that no image shows has no bar on that side.
    assert shown.texts[-1].get_text() == "0 of 0"
    assert [bar.get_width() for bar in shown.patches[classes - 1 :: classes]] == [0, 0]
    assert {"A title", f"class {classes - 1}", "false alarms", "missed"} <= set(texts(figure))


@pytest.mark.parametrize("classes", [3, 30])
def test_per_class_bars_of_several_labels_have_the_height_of_the_average_precision(
    classes: int,
) -> None:
    metrics = measured_labels(classes)
    figure = drawn(figures.per_class_scores({"one": metrics}))
    bars = figure.axes[0].patches
    lengths = [bar.get_height() if classes <= 15 else bar.get_width() for bar in bars]
    expected = [row["average_precision"] for row in metrics["per_class"].values()]
    np.testing.assert_array_equal(lengths, np.array(expected, dtype=float))
    assert "Average precision by class" in texts(figure)


def history(*, validation: bool) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [2.0, 1.0, 0.5],
            "train_accuracy": [0.3, 0.6, 0.8],
        }
    )
    if validation:
        frame["validation_loss"] = [2.1, np.nan, 0.9]
        frame["validation_accuracy"] = [0.3, np.nan, 0.7]
    return frame


def test_training_curves_skip_what_was_not_measured() -> None:
    figure = drawn(
        figures.training_curves(
            {"with": history(validation=True), "without": history(validation=False)}
        )
    )
    loss, _ = figure.axes
    assert [len(line.get_xdata()) for line in loss.lines] == [3, 2, 3]  # type: ignore[arg-type]
    assert {"with", "without", "validation", "best epoch"} <= set(texts(figure))
    alone = figures.training_curves({"without": history(validation=False)})
    assert "validation" not in texts(alone)


def test_training_curves_ring_the_best_epoch() -> None:
    frame = history(validation=True).assign(validation_accuracy=[0.3, 0.9, 0.7])
    _, accuracy = figures.training_curves({"any": frame}).axes
    (ring,) = [line for line in accuracy.lines if line.get_markerfacecolor() == "none"]
    assert ring.get_xydata().tolist() == [[2.0, 0.9]]  # type: ignore[union-attr]


def test_training_curves_of_several_labels_show_mean_average_precision() -> None:
    found = {"validation_mean_average_precision": [0.2, 0.5, 0.4]}
    frame = history(validation=True).assign(**found)
    figure = drawn(figures.training_curves({"any": frame}))
    score = figure.axes[1]
    assert score.get_title(loc="left") == "Mean average precision"
    curve, ring = score.lines
    assert list(curve.get_ydata()) == found["validation_mean_average_precision"]  # type: ignore[arg-type]
    assert ring.get_xydata().tolist() == [[2.0, 0.5]]  # type: ignore[union-attr]


def test_roc_legend_tells_area_and_interval() -> None:
    metrics = measured(2)
    area = metrics["roc_auc"]
    figure = drawn(figures.roc_curves({"SVM": metrics}))
    legend = f"SVM, {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}]"
    assert legend in texts(figure)
    many = measured(10)["roc_auc"]["value"]
    pooled = drawn(figures.roc_curves({"network": measured(10)}))
    assert any(text.startswith(f"network, {many:.3f}") for text in texts(pooled))
    without = texts(drawn(figures.roc_curves({"network": {}})))
    assert "network, no images of one of two classes" in without


def test_precision_and_recall_of_single_labels_share_a_panel() -> None:
    metrics = measured(2)
    figure = drawn(figures.precision_recall_curves({"SVM": metrics, "network": metrics}))
    (axes,) = figure.axes
    area = metrics["average_precision"]
    legend = f"SVM, {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}]"
    assert legend in texts(figure)
    curve = metrics["precision_recall_curve"]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), curve["recall"])
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), curve["precision"])


def test_precision_and_recall_of_several_labels_have_a_panel_for_each_method() -> None:
    metrics = measured_labels(4)
    figure = drawn(figures.precision_recall_curves(dict.fromkeys(("a", "b", "c", "d"), metrics)))
    panels = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title(loc="left") for axes in panels] == ["a", "b", "c", "d"]
    mean = metrics["mean_average_precision"]
    legend = f"each class, mAP {mean['value']:.3f} [{mean['low']:.3f}, {mean['high']:.3f}]"
    assert legend in texts(figure)
    curves = metrics["per_class_curves"]
    assert len(curves) == 3  # of four classes, one is never shown
    for line, curve in zip(panels[0].lines, curves.values(), strict=False):
        np.testing.assert_array_equal(line.get_xdata(), curve["recall"])


def test_images_that_show_nothing_are_drawn() -> None:
    labels, scores = np.zeros((4, 2)), np.full((4, 2), 0.3)
    nothing = Predictions("any", list("abcd"), labels, scores, ("x", "y"), 0.0, threshold=0.5)
    metrics = {"any": classification_metrics(nothing, **SETTINGS)}
    drawn(figures.confusion_matrix(metrics["any"], "nothing"))
    drawn(figures.per_class_scores(metrics))
    drawn(figures.roc_curves(metrics))
    shown = texts(drawn(figures.precision_recall_curves(metrics)))
    assert "each class, mAP undefined" in shown


def test_roc_curves_of_several_labels_are_of_every_class() -> None:
    figure = drawn(figures.roc_curves({"network": measured_labels(4)}))
    assert "ROC: every class against the rest" in texts(figure)


def test_comparison_of_several_labels_is_of_mean_average_precision() -> None:
    table = comparison_table([several(4, "first"), several(4, "second")], {}, **SETTINGS)
    figure = drawn(figures.comparison(table))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    baseline = table["mean_average_precision"].iloc[-1]
    assert axes.lines[0].get_xdata() == pytest.approx([baseline] * 2)
    assert axes.get_xlabel() == "mean average precision on the test images, with interval"
    assert f"class prevalence {100 * baseline:.1f} %" in texts(figure)


def test_comparison_puts_the_first_method_on_top_and_the_baseline_as_a_line() -> None:
    methods = [predictions(3, name="first"), predictions(3, name="second")]
    table = comparison_table(methods, {}, **SETTINGS)
    figure = drawn(figures.comparison(table))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    assert axes.yaxis_inverted()
    baseline = axes.lines[0].get_xdata()
    assert baseline == pytest.approx([table["accuracy"].iloc[-1]] * 2)


def test_a_grid_shows_every_image_under_its_title() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    figure = drawn(figures.image_grid(images, list("abcde"), columns=3))
    shown = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in shown] == list("abcde")
    np.testing.assert_array_equal(shown[4].images[0].get_array(), images[4])
    for titles in (["a"], []):
        with pytest.raises(ValueError, match="title for each image"):
            figures.image_grid(images, titles, columns=3)


def test_augmentation_preview_has_a_row_for_each_image_with_all_variants() -> None:
    originals = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    augmented = np.zeros((3, 4, 6, 6, 3), dtype=np.uint8)
    figure = drawn(figures.augmentation_preview(originals, augmented, list("abc")))
    assert sum(bool(axes.images) for axes in figure.axes) == 3 * (1 + 4)
    with pytest.raises(ValueError, match="do not fit"):
        figures.augmentation_preview(originals, augmented[:2], list("abc"))
    captions = [["60 % + 40 % dog"] * 4] * 3
    figure = drawn(figures.augmentation_preview(originals, augmented, list("abc"), captions, "P"))
    assert [axes.get_xlabel() for axes in figure.axes].count("60 % + 40 % dog") == 12
    assert {"P", "stored, 8 × 8", "as training sees it, 6 × 6"} <= set(texts(figure))
    with pytest.raises(ValueError, match="captions do not fit"):
        figures.augmentation_preview(originals, augmented, list("abc"), captions[:2])


def test_wrong_predictions_start_with_the_most_confident_mistake() -> None:
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.95, 0.05], [0.2, 0.8], [0.3, 0.7]])
    given = Predictions("any", list("abcde"), [0, 0, 1, 1, 0], scores, ("cat", "dog"), 0.0)
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    figure = drawn(figures.wrong_predictions(images, given))
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.images[0].get_array().max() for axes in shown] == [2, 4, 1]  # type: ignore[union-attr]
    assert shown[0].get_title() == "cat (0.95)\nis dog"
    assert sum(bool(a.images) for a in figures.wrong_predictions(images, given, limit=1).axes) == 1
    with pytest.raises(ValueError, match="4 images"):
        figures.wrong_predictions(images[:4], given)


def test_wrong_predictions_of_several_labels_show_the_worst_class_of_each_image() -> None:
    labels = [[1, 0], [1, 0], [0, 0], [1, 1], [-1, 1]]
    scores = [[0.9, 0.6], [0.1, 0.8], [0.2, 0.3], [0.45, 0.9], [0.9, 0.9]]
    given = Predictions("any", list("abcde"), labels, scores, ("cat", "dog"), 0.0, threshold=0.5)
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    figure = drawn(figures.wrong_predictions(images, given))
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.images[0].get_array().max() for axes in shown] == [1, 0, 3]  # type: ignore[union-attr]
    titles = [axes.get_title() for axes in shown]
    assert titles == ["− cat (0.10)\ncat", "+ dog (0.60)\ncat", "− cat (0.45)\ncat, dog"]
    assert any(
        text.startswith("any: 3 of 5 test images are wrong in some") for text in texts(figure)
    )
    never = Predictions("any", ["a"], [[0, 0]], [[0.9, 0.1]], ("cat", "dog"), 0.0, threshold=0.5)
    (only,) = [a for a in figures.wrong_predictions(images[:1], never).axes if a.images]
    assert only.get_title() == "+ cat (0.90)\nnone of the classes"


def test_no_mistakes_are_said_in_words() -> None:
    perfect = Predictions("any", ["a", "b"], [0, 1], np.eye(2), ("cat", "dog"), 0.0)
    figure = drawn(figures.wrong_predictions(np.zeros((2, 4, 4, 3), np.uint8), perfect))
    assert texts(figure) == ["any: 0 of 2 test images are wrong"]


def pair_table(rows: list[tuple[int, str, str, bool, bool, int]]) -> pd.DataFrame:
    columns = ["group", "id_a", "id_b", "across_splits", "labels_differ", "distance"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(
        label_a="cat",
        label_b=np.where(table["labels_differ"], "dog", "cat"),
        split_a="train",
        split_b=np.where(table["across_splits"], "test", "train"),
        kind=np.where(table["distance"] == 0, "exact", "near"),
        mirrored=False,
    )


def test_duplicates_across_splits_come_first_and_one_of_each_group_before_a_second() -> None:
    rows = [
        (0, "a", "b", False, False, 0),
        (1, "c", "d", True, False, 9),
        (1, "c", "e", True, False, 10),
        (2, "f", "g", True, False, 20),
        (3, "h", "i", True, True, 30),
        (4, "j", "k", False, True, 3),
    ]
    position = {name: place for place, name in enumerate("abcdefghijk")}
    images = np.arange(11, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    figure = drawn(figures.duplicate_pairs(images, position, pair_table(rows)))
    shown = [axes for axes in figure.axes if axes.images]
    order = ["abcdefghijk"[axes.images[0].get_array().max()] for axes in shown]  # type: ignore[union-attr]
    assert "".join(order) == "hicdfgcejkab"
    assert [axes.get_title() for axes in shown[:2]] == ["cat\ntrain", "dog\ntest"]
    assert shown[0].get_xlabel() == "near, 30 bits"
    assert shown[-2].get_xlabel() == "exact"
    assert "6 pairs of duplicates, 4 of them across splits" in texts(figure)
    few = figures.duplicate_pairs(images, position, pair_table(rows), limit=2)
    assert sum(bool(axes.images) for axes in few.axes) == 4


def test_no_duplicates_are_said_in_words() -> None:
    figure = drawn(figures.duplicate_pairs(np.zeros((2, 4, 4, 3), np.uint8), {}, pair_table([])))
    assert texts(figure) == ["no duplicates found among 2 images"]
