"""Experiment files: reading them, and what is wrong with wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.config.experiments import ExperimentFolder
from graft.config.problems import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> ExperimentFolder:
    files = {
        "digits": "_description: Digits\n",
        "few": "_description: Few\n_extends: digits\n_reported: {accuracy: 0.9}\nseed: 1\n",
        "fewer": "_description: Fewer\n_extends: few\nsplit: {shots: 5}\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.yml").write_text(text)
    return ExperimentFolder(str(tmp_path))


def test_names_are_listed_in_order(folder):
    assert folder.names() == ["digits", "few", "fewer"]


def test_experiments_lie_in_folders_and_keep_their_names(folder, tmp_path):
    (tmp_path / "mnist/small").mkdir(parents=True)
    for file in ("mnist/M10", "mnist/M2", "mnist/small/M2_tiny"):
        (tmp_path / f"{file}.yml").write_text("_description: M\n_extends: digits\n")
    assert folder.names() == ["digits", "few", "fewer", "M2", "M10", "M2_tiny"]
    assert folder.groups() == {
        "": ["digits", "few", "fewer"],
        "mnist": ["M2", "M10"],
        "mnist/small": ["M2_tiny"],
    }
    assert folder.read("M2").file.endswith(f"{tmp_path.name}/mnist/M2.yml")
    assert [member.name for member in folder.lineage("M2_tiny")] == ["digits", "M2_tiny"]


def test_names_are_unique_over_all_folders(folder, tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist/few.yml").write_text("_description: Again\n")
    with pytest.raises(ConfigError, match=r"few\.yml and .*mnist/few\.yml have the same name"):
        folder.read("digits")


def test_the_comment_at_the_head_is_how_to_launch_it(folder, tmp_path):
    text = "# kedro run -x a \\\n#   --params=seed=1\n_description: A\n# of another thing\n"
    (tmp_path / "a.yml").write_text(text)
    assert folder.read("a").commands == "kedro run -x a \\\n  --params=seed=1"


def test_pipeline_and_assumptions_are_inherited_figures_and_notes_are_not(folder, tmp_path):
    (tmp_path / "base.yml").write_text(
        "_description: B\n_pipeline: svm\n_assumptions: [One.]\n_note: N\n"
        "_reported: {accuracy: 1}\n"
    )
    (tmp_path / "row.yml").write_text("_description: R\n_extends: base\n_assumptions: [Two.]\n")
    row = folder.read("row")
    assert (row.pipeline, row.assumptions) == ("svm", ("One.", "Two."))
    assert (row.note, row.reported) == ("", {})
    assert folder.read("fewer").pipeline == "transfer_learning"
    assert folder.read("few").reported == {"accuracy": 0.9}


def test_metadata_does_not_become_parameters(folder):
    experiment = folder.read("few")
    assert (experiment.description, experiment.extends) == ("Few", "digits")
    assert dict(experiment.overrides) == {"seed": 1}


def test_a_lineage_begins_with_the_oldest(folder):
    assert [member.name for member in folder.lineage("fewer")] == ["digits", "few", "fewer"]


def test_a_misspelt_name_gets_the_nearest(folder):
    with pytest.raises(ConfigError, match=r"no experiment 'digit'; did you mean 'digits'\?"):
        folder.lineage("digit")


@pytest.mark.parametrize("name", ["../few", "few.yml", ""])
def test_a_name_cannot_leave_the_folder(folder, name):
    with pytest.raises(ConfigError, match="no experiment"):
        folder.read(name)


def test_a_circle_is_an_error_that_shows_it(folder, tmp_path):
    (tmp_path / "digits.yml").write_text("_description: Digits\n_extends: fewer\n")
    with pytest.raises(ConfigError, match="circle: fewer -> few -> digits -> fewer"):
        folder.lineage("fewer")


def test_a_misspelt_parent_is_reported_with_its_child(folder, tmp_path):
    (tmp_path / "few.yml").write_text("_description: Few\n_extends: digts\n")
    with pytest.raises(ConfigError, match=r"few\.yml: _extends: .*did you mean 'digits'"):
        folder.lineage("few")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\n", "_description"),
        ("_description: |\n  two\n  lines\n", "one line"),
        ("_description: D\n_extend: digits\n", "did you mean '_extends'"),
        ("_description: D\n_extends: [a, b]\n", "name of one experiment"),
        ("_description: D\nexperiment: other\n", "_extends: <name>"),
        ("_description: D\n_reported: 0.9\n", "mapping of measures to numbers"),
        ("_description: D\n_reported: {accuracy: 96 %}\n", "mapping of measures to numbers"),
        ("_description: D\n_reported: {accuracy: .nan}\n", "mapping of measures to numbers"),
        ("_description: D\n_reported: {accuracy: [0.9]}\n", "mapping of measures to numbers"),
        ("_description: D\n_reported: {per_class: [high]}\n", "mapping of measures to numbers"),
        ("_description: D\n_reported: {method: 3}\n", "mapping of measures to numbers"),
        ("_description: D\n_reported: {read_from: 3}\n", "mapping of measures to numbers"),
        ("_description: D\n_assumptions: One.\n", "list of sentences"),
        ("_description: D\n_pipeline: [a]\n", "name of one pipeline"),
        ("_description: D\n_note: 3\n", "'_note' has to be text"),
        ("- a\n- b\n", "keys and values"),
        ("a: [1\n", "no valid YAML"),
        ("a: 1\na: 2\n", "no valid YAML"),
    ],
)
def test_a_broken_file_is_named_with_the_remedy(folder, tmp_path, text, message):
    (tmp_path / "broken.yml").write_text(text)
    with pytest.raises(ConfigError, match=r"broken\.yml") as caught:
        folder.read("broken")
    assert message in str(caught.value)
