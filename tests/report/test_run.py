"""The report of a run says what the tables say, for one label and for several."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.evaluation import Predictions, classification_metrics, comparison_table
from graft.report import RunResults, comparison_report, run_report
from graft.report.figures import CAPTIONS, figure_names
from graft.report.numbers import in_words

from .test_page import Shown, png

SETTINGS: dict[str, Any] = {"resamples": 30, "confidence": 0.95, "seed": 0}
NAMES = ("cat", "<b>dog</b>", "bird")
ORIGIN = {
    "experiment": "digits",
    "parameters": {"seed": 1, "model": {"backbone": "resnet20_cifar"}, "taps": ["a", None]},
    "changes": [{"key": "seed", "value": 1, "default": 0, "preset": 0}],
    "command": "kedro run --pipeline=transfer_learning -x digits --params=seed=1",
    "experiment_file": "",
    "git_commit": "abc123",
    "git_dirty": True,
    "python": "3.11",
    "platform": "Linux",
    "processors": 2,
    "versions": {"torch": "2.14.1"},
}
CARD: dict[str, Any] = {
    "source": "folder",
    "task": "single-label",
    "data": "0123456789ab",
    "classes": list(NAMES),
    "image_size": [16, 24],
    "images": 1200,
    "splits": {"train": 900, "validation": 0, "test": 300, "unused": 0},
    "images_per_class": {
        "train": dict.fromkeys(NAMES, 300),
        "validation": dict.fromkeys(NAMES, 0),
        "test": dict.fromkeys(NAMES, 100),
        "unused": dict.fromkeys(NAMES, 0),
    },
    "imbalance_ratio": 1.0,
    "original_size": {side: {"min": 1, "median": 99.5, "max": 200} for side in ("width", "height")},
    "duplicates": {"pairs": 2, "test_images_seen_in_training": 1},
}
SUMMARY = pd.DataFrame(
    {
        "stage": ["stem", "total"],
        "output_shape": ["16 × 8 × 8", ""],
        "parameters": [1234, 1234],
        "trainable_parameters": [0, 0],
        "trained": ["no", "no"],
        "multiply_accumulates": [5_000_000, 5_000_000],
    }
)


def single(method: str) -> Predictions:
    labels = np.arange(300) % 3
    scores = np.random.default_rng(len(method)).dirichlet([1, 1, 1], 300)
    scores = (scores + 0.3 * np.eye(3)[labels]) / 1.3
    return Predictions(method, np.arange(300), labels, scores, NAMES, 0.5)


def several(method: str) -> Predictions:
    labels = np.random.default_rng(0).integers(0, 2, (300, 3))
    noise = np.random.default_rng(len(method)).random((300, 3))
    scores = (noise + labels) / 2
    return Predictions(method, np.arange(300), labels, scores, NAMES, 0.5, threshold=0.5)


def results(predict: Any = single, **changes: Any) -> RunResults:
    predictions = [predict(method) for method in ("fine-tuned", "from scratch")]
    values: dict[str, Any] = {
        "origin": ORIGIN,
        "card": CARD,
        "quarantine": pd.DataFrame({"id": ["x"], "reason": ["no image"]}),
        "metrics": {p.method: classification_metrics(p, **SETTINGS) for p in predictions},
        "comparison": comparison_table(predictions, {}, **SETTINGS),
        "model_summary": SUMMARY,
    }
    return RunResults(**{**values, **changes})


@pytest.mark.parametrize(
    ("predict", "measure"), [(single, "accuracy"), (several, "mean_average_precision")]
)
def test_scores_stand_in_the_report_with_their_intervals(predict: Any, measure: str) -> None:
    run = results(predict)
    text = Shown(run_report(run)).text
    for row in run.comparison.to_dict("records"):
        value, low, high = (100 * row[f"{measure}{end}"] for end in ("", "_low", "_high"))
        assert f"{value:.1f} %[{low:.1f}, {high:.1f}]" in re.sub(r"\s*\[", "[", text)
        assert row["method"] in text


def test_it_says_how_to_make_the_run_again_and_what_was_changed() -> None:
    page = run_report(results())
    text = Shown(page).text
    assert f"git checkout abc123\n{ORIGIN['command']}" in text
    assert "Files differed from that commit" in text
    assert "torch" in text
    changed = re.search(r"<th scope=row>seed</th><td>1</td><td>0</td>", page)
    assert changed
    assert "[a, null]" in text
    unchanged = run_report(results(origin={**ORIGIN, "changes": [], "git_commit": None}))
    assert "Nothing differs from the defaults." in unchanged
    assert "git checkout" not in unchanged


def test_the_data_card_is_in_it() -> None:
    text = Shown(run_report(results())).text
    assert "24 × 16 pixels" in text
    assert "99.5 × 99.5 pixels" in text
    assert "1 test images have a duplicate" in text
    assert "<b>dog</b>" in text
    assert "no image" in text


def test_errors_name_the_classes_that_are_confused_most() -> None:
    run = results()
    counts = np.array(run.metrics["fine-tuned"]["confusion_matrix"]["counts"])
    np.fill_diagonal(counts, 0)
    row, column = np.unravel_index(counts.argmax(), counts.shape)
    text = " ".join(Shown(run_report(run)).text.split())
    assert f"of the class {NAMES[row]}{NAMES[column]}{counts.max()}" in text


def test_a_method_below_the_baseline_is_pointed_out() -> None:
    run = results()
    assert "Worse than a classifier that knows no image" not in run_report(run)
    bad = {**run.metrics["fine-tuned"], "below_majority": True}
    page = run_report(results(metrics={**run.metrics, "fine-tuned": bad}))
    assert "Worse than a classifier that knows no image: fine-tuned." in page


def test_every_figure_has_its_place_and_absent_ones_leave_no_gap() -> None:
    assert len(set(figure_names())) == len(figure_names())
    page = run_report(results(figures=dict.fromkeys(figure_names(), png())))
    assert page.count("<img") == len(figure_names())
    for section in CAPTIONS.values():
        for title, caption in section.values():
            assert title in page
            assert caption in Shown(page).text
    assert "<img" not in run_report(results())


def test_diagnosis_and_calibration_are_told() -> None:
    measured = classification_metrics(single("fine-tuned"), **SETTINGS)
    calibration = {"method": "fine-tuned", "temperature": 1.5, "validation_images": 80,
                   "uncalibrated": measured, "calibrated": measured}  # fmt: skip
    diagnosis = {"fine-tuned": {"verdict": "good fit", "sentence": "It fits."}}
    text = Shown(run_report(results(diagnosis=diagnosis, calibration=calibration))).text
    assert "Diagnosis, fine-tuned: It fits." in text
    assert "at temperature 1.50" in text
    without = run_report(results(calibration={**calibration, "validation_images": 0}))
    assert "temperature" not in without


@pytest.mark.parametrize(
    ("key", "numbers", "words"),
    [
        ("accuracy", (0.9123, 0.9, 0.92), "91.2 %\n[90.0, 92.0]"),
        ("log_loss", (0.25, 0.2, 0.3), "0.250\n[0.200, 0.300]"),
        ("difference", (-0.012, -0.02, 0.001), "-1.2\n[-2.0, +0.1]"),
        ("mcnemar_p", (0.0004,), "< 0.001"),
        ("train_seconds", (200.0,), "3 min 20 s"),
        ("train_seconds", (7500.0,), "2 h 5 min"),
        ("predict_seconds", (0.0123,), "0.012 s"),
        ("predict_seconds", (0.00052,), "0.52 ms"),
        ("parameters", (269722,), "269,722"),
        ("images_per_second", (1095.574,), "1,096"),
        ("accuracy", (None,), "–"),
        ("epochs", (pd.NA,), "–"),
        ("accuracy", (0.5, None, None), "50.0 %"),
    ],
)
def test_numbers_are_written_as_their_names_want(key: str, numbers: Any, words: str) -> None:
    assert in_words(key, *numbers) == words


def test_the_report_of_a_comparison_shows_ranks_and_pairs() -> None:
    board = pd.DataFrame(
        {
            "rank": [1, 1, 3], "method": ["a", "b", "c"], "seeds": [3, 3, 3], "test_images": 359,
            "measure": "accuracy", "score": [0.9, 0.89, 0.5], "score_low": 0.4, "score_high": 0.95,
            "deviation": [0.01, 0.02, 0.0], "difference": [np.nan, -0.01, -0.4],
            "difference_low": [np.nan, -0.02, -0.5], "difference_high": [np.nan, 0.01, -0.3],
            "p_holm": [np.nan, 0.4, 0.0001],
        }
    )  # fmt: skip
    pairs = pd.DataFrame(
        {
            "first": ["a"], "second": ["c"], "seeds": [3], "difference": [0.4],
            "difference_low": [0.3], "difference_high": [0.5], "test": ["paired t"], "p": [0.0001],
            "p_holm": [0.0003], "q": [0.02],
        }
    )  # fmt: skip
    text = Shown(comparison_report(ORIGIN, board, pairs, png())).text
    assert "2 of 3" in text
    assert "3. c" in text
    assert "-40.0[-50.0, -30.0]" in text
    assert "a against c" in text
    assert "+40.0[+30.0, +50.0]" in text
