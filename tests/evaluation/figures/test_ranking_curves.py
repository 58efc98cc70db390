"""ROC curves, and precision against recall."""

from __future__ import annotations

import numpy as np

from graft.evaluation import Predictions, classification_metrics, figures

from .drawing import SETTINGS, drawn, measured, measured_labels, texts


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
