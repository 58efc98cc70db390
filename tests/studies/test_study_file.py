"""Study files: what they say, and how they are refused. All that ship can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.config.experiments import ExperimentFolder
from graft.errors import GraftError
from graft.evaluation.claims import Claim
from graft.studies.study_file import read_study

CONF = Path(__file__).parents[2] / "conf"
STUDIES = sorted(file.stem for file in (CONF / "studies").glob("*.yml"))


def write(folder: Path, content: str) -> Path:
    (folder / "table.yml").write_text(content)
    return folder


def test_a_file_is_read(tmp_path: Path) -> None:
    content = """
description: A table
rows: [A, {B: other data}]
measure: macro_f1
claims:
  - {claim: A is the best, best: A, among: [A, B]}
  - {claim: B is the best, best: B, among: [A, B], measure: log_loss}
"""
    study = read_study(write(tmp_path, content), "table")
    assert (study.name, study.description, study.measure) == ("table", "A table", "macro_f1")
    assert study.rows == {"A": "", "B": "other data"}
    assert study.claims == (
        Claim("A is the best", "A", ("A", "B"), "macro_f1"),
        Claim("B is the best", "B", ("A", "B"), "log_loss"),
    )


def test_a_reason_of_all_rows_stands_before_their_own(tmp_path: Path) -> None:
    content = "description: A table\nrows: [A, {B: other size}]\nnot_comparable: other data\n"
    study = read_study(write(tmp_path, content), "table")
    assert study.rows == {"A": "other data", "B": "other data; other size"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rows: [A]", "description: Field required"),
        ("description: A table\nrows: []", "rows: List should have at least 1 item"),
        ("description: A table\nrows: [A]\nclaim: []", "claim: Extra inputs"),
        ("description: A table\nrows: [A, A]", "A stands there twice"),
        ("- A", "Input should be"),
        ("a: [", "no valid YAML"),
        (
            "description: A\nrows: [Alpha, B]\nclaims: [{claim: x, best: B, among: [Alfa, B]}]",
            "'x' is about Alfa, which is no row; did you mean 'Alpha'",
        ),
        (
            "description: A\nrows: [A, B, C]\nclaims: [{claim: x, best: C, among: [A, B]}]",
            "C has to be among",
        ),
        (
            "description: A\nrows: [A, B]\nclaims: [{claim: x, best: A, among: [A, A]}]",
            "a row stands twice in 'among'",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(GraftError, match=r"conf/studies/table\.yml") as refused:
        read_study(write(tmp_path, content), "table")
    assert message in str(refused.value)


def test_a_study_has_to_be_chosen_and_to_exist(tmp_path: Path) -> None:
    write(tmp_path, "description: A table\nrows: [A]")
    with pytest.raises(GraftError, match=r"(?s)--params=study=.*There are table\."):
        read_study(tmp_path, None)
    with pytest.raises(GraftError, match="did you mean 'table'"):
        read_study(tmp_path, "tabel")


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_of_experiments_that_exist_and_says_how_to_launch_it(name: str) -> None:
    study = read_study(CONF / "studies", name)
    assert set(study.rows) <= set(ExperimentFolder(str(CONF / "experiments")).names())
    head = (CONF / "studies" / f"{name}.yml").read_text().splitlines()[:2]
    assert f"--params=study={name}" in "".join(head)


def test_every_row_of_the_reports_is_a_row_of_a_study() -> None:
    """F1 to T20 of the five reports; N4 and N12 are figures of other rows."""
    counts = {"F": 5, "C": 17, "V": 16, "N": 12, "M": 18, "K": 12, "T": 20}
    wanted = {f"{letter}{k + 1}" for letter, count in counts.items() for k in range(count)}
    rows = {row for name in STUDIES for row in read_study(CONF / "studies", name).rows}
    assert wanted - rows == {"N4", "N12"}
