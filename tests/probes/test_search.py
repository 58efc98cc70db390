"""Cross-validation: folds, what is fitted in them, and the choice."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from graft.probes.search import chosen, cross_validate, deal_folds, search_table
from graft.probes.svm import SVMRecipe, SVMSearch, fit_svm

DIGITS = load_digits()
FEATURES = DIGITS.data.astype(np.float32)[:300]
LABELS = DIGITS.target.astype(np.int64)[:300]
NAMES = tuple(map(str, range(10)))
GRID = SVMSearch(C=(0.001, 0.1, 10.0), gamma=(0.5, 20.0), folds=3)


@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=60),
    folds=st.integers(2, 6),
    seed=st.integers(0, 99),
)
def test_each_class_is_dealt_out_evenly(labels: list[int], folds: int, seed: int) -> None:
    targets = np.array(labels)
    fold = deal_folds(targets, min(folds, len(labels)), seed)
    for k in np.unique(targets):
        counts = np.bincount(fold[targets == k], minlength=fold.max() + 1)
        assert counts.max() - counts.min() <= 1


def test_scalers_and_machines_see_nothing_of_the_fold_that_they_answer_for() -> None:
    targets = np.arange(40) % 4
    asked = []

    def score(train: np.ndarray, held: np.ndarray, group: Any) -> list[np.ndarray]:
        assert not set(train) & set(held)
        assert len(train) + len(held) == 40
        asked.extend(held)
        return [np.eye(4)[targets[held]] * (1 if s["C"] == 2 else -1) for s in group]

    groups = [[{"C": 1}, {"C": 2}, {"C": 3}]]
    rows = cross_validate(targets, groups, score, class_count=4, folds=5, seed=0, what="C")
    assert sorted(asked) == list(range(40))
    assert chosen(rows)["C"] == 2
    assert (chosen(rows)["mean"], chosen(rows)["folds"]) == (1.0, 5)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_scores_are_those_of_scikit_learns_cross_validation(kernel: Any) -> None:
    recipe = SVMRecipe(kernel=kernel, C="auto", gamma=0.02, search=GRID)
    rows = fit_svm(FEATURES, LABELS, NAMES, recipe, seed=0).metadata["search"]
    fold = deal_folds(LABELS, 3, seed=0)
    parts = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
    for row in rows:
        machine = (
            SVC(C=row["C"], gamma=0.02, break_ties=True)
            if kernel == "rbf"
            else LinearSVC(C=row["C"], dual=False, tol=1e-6, max_iter=20_000)
        )
        theirs = cross_val_score(
            make_pipeline(StandardScaler(), machine), FEATURES, LABELS, cv=parts
        )
        assert row["mean"] == pytest.approx(theirs.mean(), abs=0.011)


@pytest.mark.parametrize("approximation", ["exact", "nystroem"])
def test_c_and_gamma_are_chosen_together(approximation: Any) -> None:
    recipe = SVMRecipe(
        C="auto", gamma="auto", search=GRID, approximation=approximation, landmarks=60
    )
    machine = fit_svm(FEATURES[:150], LABELS[:150], NAMES, recipe, seed=0)
    rows, best = machine.metadata["search"], chosen(machine.metadata["search"])
    assert len(rows) == 6
    assert best["mean"] == max(row["mean"] for row in rows)
    assert best["gamma"] == min(row["gamma"] for row in rows)  # 20 times "scale" remembers images
    used = {name: machine.metadata["recipe"][name] for name in ("C", "gamma")}
    assert used == {"C": best["C"], "gamma": best["gamma"]}


def test_questions_of_yes_and_no_are_compared_by_average_precision() -> None:
    recipe = SVMRecipe(kernel="linear", C="auto", positive_class="8", search=GRID)
    assert fit_svm(FEATURES, LABELS, NAMES, recipe, 0).metadata["search"][0]["measure"] == (
        "average_precision"
    )
    labels = np.stack([LABELS % 2, LABELS > 6], axis=1).astype(np.int8)
    labels[:20, 0] = -1
    recipe = SVMRecipe(kernel="linear", C="auto", search=GRID)
    row = chosen(fit_svm(FEATURES, labels, ("odd", "high"), recipe, 0).metadata["search"])
    assert row["measure"] == "average_precision"
    assert row["mean"] > 0.8


def test_too_few_images_take_the_middle_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    recipe = SVMRecipe(kernel="linear", C="auto", search=GRID)
    with caplog.at_level(logging.WARNING):
        machine = fit_svm(FEATURES[:2], LABELS[:2], NAMES, recipe, seed=0)
    assert machine.metadata["recipe"]["C"] == 0.1
    assert "Too few training images to choose C of the SVM" in caplog.text


def test_the_table_has_a_row_for_each_setting_and_none_without_a_search() -> None:
    recipe = SVMRecipe(kernel="linear", C="auto", search=GRID)
    rows = fit_svm(FEATURES, LABELS, NAMES, recipe, 0).metadata["search"]
    table = search_table({"SVM": rows})
    assert table["chosen"].sum() == 1
    assert table["C"].tolist() == [0.001, 0.1, 10.0]
    assert len(search_table({"SVM": []})) == 0
