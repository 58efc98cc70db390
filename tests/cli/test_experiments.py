"""`kedro experiments` and `kedro experiments show`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from graft.cli import cli

BASE = "seed: 0\nsplit: {shots: null, test: 0.2}\nmodel: {freezing: none, grey: false}\n"
FEW = """# kedro run --pipeline=training -x few
# kedro run --pipeline=training -x few --params=seed=1
_description: Ten a class
_extends: digits
_pipeline: training
_reported: {accuracy: 0.9, parameters: 1985770, per_class: [0.8, 1.0]}
_assumptions: [Shots are drawn at random.]
_note: >
  Of a table whose
  text differs.

split: {shots: 10}
seed: 4
model: {freezing: [layer4], grey: true}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "conf/experiments"
    (folder / "small").mkdir(parents=True)
    (tmp_path / "conf/base").mkdir()
    (tmp_path / "conf/base/parameters.yml").write_text(BASE)
    (folder / "digits.yml").write_text(
        "_description: Handwritten digits\n_assumptions: [Ink is ink.]\nseed: 3\n"
    )
    (folder / "small/few.yml").write_text(FEW)
    return tmp_path


def invoke(*arguments: str, project: Path) -> Result:
    obj = SimpleNamespace(project_path=project)
    return CliRunner().invoke(cli, ("experiments", *arguments), obj=obj)


def test_experiments_are_listed_by_folder_with_their_descriptions(project):
    lines = invoke(project=project).output.splitlines()
    assert lines == ["digits  Handwritten digits", "", "small", "few     Ten a class"]


def test_a_broken_experiment_does_not_hide_the_others(project):
    (project / "conf/experiments/broken.yml").write_text("seed: 1\n")
    lines = invoke(project=project).output.splitlines()
    assert "'_description' is missing" in lines[0]
    assert len(lines) == 5


def test_two_files_of_one_name_are_a_mistake(project):
    (project / "conf/experiments/few.yml").write_text("_description: Another\n")
    result = invoke(project=project)
    assert result.exit_code == 1
    assert "conf/experiments/few.yml and conf/experiments/small/few.yml" in result.output


def test_an_experiment_is_shown_with_all_that_its_files_say(project):
    assert invoke("show", "few", project=project).output.splitlines() == [
        "Ten a class",
        "  kedro run --pipeline=training -x few",
        "  kedro run --pipeline=training -x few --params=seed=1",
        "",
        "Parameters that differ from conf/base",
        "  seed            4         conf/experiments/small/few.yml",
        "  split.shots     10        conf/experiments/small/few.yml",
        "  model.freezing  [layer4]  conf/experiments/small/few.yml",
        "  model.grey      true      conf/experiments/small/few.yml",
        "",
        "Reported",
        "  accuracy    0.9",
        "  parameters  1,985,770",
        "  per_class   0.8 1.0",
        "",
        "Assumptions",
        "  - Ink is ink.",
        "  - Shots are drawn at random.",
        "",
        "Note",
        "  Of a table whose text differs.",
    ]


def test_all_shows_what_is_not_changed_too(project):
    lines = invoke("show", "few", "--all", project=project).output.splitlines()
    assert "  split.test      0.2       conf/base/parameters.yml" in lines
    assert "  experiment      few       conf/experiments/small/few.yml" in lines


def test_what_is_inherited_names_the_file_that_says_so(project):
    (project / "conf/experiments/fewer.yml").write_text("_description: F\n_extends: few\nseed: 0\n")
    lines = invoke("show", "fewer", project=project).output.splitlines()
    assert lines[1] == "  kedro run -x fewer"  # the file has no comment
    assert "  split.shots     10        conf/experiments/small/few.yml" in lines
    assert not any(line.startswith("  seed") for line in lines)  # the default again


def test_a_misspelt_name_gets_the_nearest(project):
    result = invoke("show", "fw", project=project)
    assert result.exit_code == 1
    assert "did you mean 'few'?" in result.output


def test_the_help_gives_an_example(project):
    for arguments in ((), ("show",)):
        assert "kedro experiments show M6" in invoke(*arguments, "--help", project=project).output
