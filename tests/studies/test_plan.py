"""A study's rows with their configurations: what is one, what is changed, what is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graft.errors import GraftError
from graft.studies.plan import StudyPlan, plan_study
from graft.studies.rows import Trial, row_command

CONF = Path(__file__).parents[2] / "conf"

A = """
_description: Two epochs
_pipeline: single_network
_reported: {accuracy: 0.5, seconds: 3, parameters: 10}
_assumptions: [A sentence.]
training: {epochs: 2}
"""
B = "_description: The same\n_extends: A\n"
C = """
_description: Other weights
_extends: A
model: {weights: IMAGENET1K_V1, backbone: resnet18}
"""
STUDY = "description: Any\nrows: [A, B, {C: other weights}]\n"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., StudyPlan]:
    """Plan a study of A, B (the same) and C; keywords are the study's parameters."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    conf = tmp_path / "conf"
    for folder in ("base", "local", "experiments", "studies"):
        (conf / folder).mkdir(parents=True)
    for file in (*CONF.glob("base/parameters*.yml"), CONF / "base/mlflow.yml"):
        shutil.copy(file, conf / "base")
    (conf / "studies/any.yml").write_text(STUDY)
    for name, content in {"A": A, "B": B, "C": C}.items():
        (conf / f"experiments/{name}.yml").write_text(content)

    def plan(only: Any = None, seeds: Any = (0,), **given: Any) -> StudyPlan:
        return plan_study(conf, tmp_path, "any", only, seeds, {"study": "any", **given}, None)

    return plan


def test_rows_of_one_configuration_know_each_other(plan: Callable[..., StudyPlan]) -> None:
    a, b, c = plan().rows
    assert a.same_as == b.same_as == ("A", "B")
    assert c.same_as == ("C",)
    assert (a.description, a.pipeline, a.assumptions) == (
        "Two epochs",
        "single_network",
        ("A sentence.",),
    )
    assert a.pixel_key == c.pixel_key


def test_rows_that_are_left_out_still_share_their_results(plan: Callable[..., StudyPlan]) -> None:
    (b,) = plan(only=["B"]).rows
    assert b.same_as == ("A", "B")


def test_what_a_study_changes_is_said(plan: Callable[..., StudyPlan]) -> None:
    rows = plan(training={"epochs": 1}, source={"folder": "/photos"}, compute={"threads": 1}).rows
    assert rows[0].not_comparable == "changed: training.epochs=1 instead of 2"
    assert rows[2].not_comparable == "other weights; changed: training.epochs=1 instead of 2"
    assert plan().rows[0].not_comparable == ""


def test_where_images_and_weights_lie_makes_no_other_row(plan: Callable[..., StudyPlan]) -> None:
    given = {"source": {"folder": "/photos"}, "model": {"weights": "/weights/resnet18.pth"}}
    rows = plan(**given).rows
    assert rows[2].not_comparable == "other weights"  # as the study's file has it
    assert "model.weights=/weights/resnet18.pth" in rows[0].not_comparable  # it ships its own


def test_rows_are_given_what_the_study_was_given(plan: Callable[..., StudyPlan]) -> None:
    planned = plan(only=["A"], seeds=[0, 1], training={"epochs": 1}, study_rows={"processes": 2})
    assert planned.given == {"training.epochs": 1}
    assert planned.command == (
        "kedro run --pipeline=study --params=study=any,study_rows.only=A,study_rows.seeds=0+1,"
        "training.epochs=1"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"augmentation": {"policy": ["horizontal_flip", {"random_crop": {"padding": 4}}]}},
        {"source": {"folder": "/photos/cats, dogs"}},
    ],
)
def test_what_a_command_line_cannot_carry_is_refused(
    plan: Callable[..., StudyPlan], given: dict[str, Any]
) -> None:
    """Kedro would take what follows the comma for the next parameter."""
    ((section, named),) = given.items()
    (key,) = named
    with pytest.raises(GraftError, match=rf"{section}\.{key}: a study cannot hand .* experiment"):
        plan(**given)
    one = plan(augmentation={"policy": [{"random_crop": {"padding": 4}}]})
    command = row_command(one, Trial(one.rows[0], 0), "kedro", {})
    assert 'augmentation.policy=[{"random_crop": {"padding": 4}}]' in command[-1]


def test_a_number_that_was_read_from_a_curve_is_not_comparable(
    plan: Callable[..., StudyPlan], tmp_path: Path
) -> None:
    reported = "_reported: {accuracy: 0.6, read_from: a curve}\n"
    (tmp_path / "conf/experiments/B.yml").write_text(B + reported)
    _, b, _ = plan().rows
    assert b.not_comparable == "the reported number was read from a curve"
    assert b.reported_measures() == {"accuracy": 0.6}


def test_rows_read_the_configuration_that_the_study_reads(
    plan: Callable[..., StudyPlan], tmp_path: Path
) -> None:
    assert plan().configuration == ()
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "conf", other)
    planned = plan_study(other, tmp_path, "any", None, [0], {"study": "any"}, "local")
    assert planned.configuration == ("--env=local", f"--conf-source={other}")
    assert f" --conf-source={other} " in planned.command
    command = row_command(planned, Trial(planned.rows[0], 0), "kedro", {})
    assert f"--conf-source={other}" in command


def test_a_seed_that_is_named_twice_is_one(plan: Callable[..., StudyPlan]) -> None:
    assert plan(seeds=[1, 0, 1]).seeds == (1, 0)


def test_the_configuration_of_a_row_decides_on_its_fingerprint(
    plan: Callable[..., StudyPlan],
) -> None:
    prints = [
        plan(**given).rows[0].fingerprint
        for given in (
            {},
            {"training": {"epochs": 1}},
            {"training": {"resume": "auto"}},
            {"study_rows": {"processes": 2}},
        )
    ]
    assert prints[0] != prints[1]
    assert prints[0] == prints[2] == prints[3]


@pytest.mark.parametrize(
    ("reported", "epochs", "measures"),
    [
        ({"accuracy": 0.5, "seconds": 3, "parameters": 10}, 1, {"accuracy": 0.5}),
        ({"per_class": [0.4, 0.6], "method": "SVM"}, 1, {"accuracy": 0.5}),
        ({"accuracy": 0.51, "per_class": [0.4, 0.6]}, 1, {"accuracy": 0.51}),
        ({"parameters": 10}, 1, {}),
        ({"parameters": 10}, 0, {"parameters": 10.0}),
    ],
)
def test_what_is_measured(row: Any, reported: Any, epochs: int, measures: Any) -> None:
    assert row("A", reported=reported, trains=epochs > 0).reported_measures() == measures


def test_mistakes_are_named(plan: Callable[..., StudyPlan]) -> None:
    with pytest.raises(GraftError, match=r"study_rows\.only: 'D' is no row of any"):
        plan(only=["D"])
    with pytest.raises(GraftError, match=r"study_rows\.seeds"):
        plan(seed=3)
    with pytest.raises(GraftError, match=r"(?s)The row A: .*training\.epohcs"):
        plan(training={"epohcs": 3})
