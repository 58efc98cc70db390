"""Which jobs a `kedro run` becomes."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kedro.framework.project import configure_project

from graft.cli import cli

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _project() -> None:
    """As the command `kedro` begins."""
    configure_project("graft")


def submit(*arguments: str, project: Path = PROJECT) -> Result:
    kedros = SimpleNamespace(project_path=project)
    return CliRunner().invoke(cli, ["submit", "--dry-run", *arguments], obj=kedros)


def scripts(*arguments: str, project: Path = PROJECT) -> list[str]:
    result = submit(*arguments, project=project)
    assert result.exit_code == 0, result.output
    return ["#!/bin/bash" + text for text in result.output.split("#!/bin/bash")[1:]]


def commands(script: str) -> list[str]:
    """The lines that run kedro."""
    return [line for line in script.splitlines() if "kedro run" in line]


def test_a_run_is_submitted_as_it_was_typed_with_its_pipeline():
    typed = [
        "-x",
        "digits_10shot",
        "--params=training.epochs=3,source.folder=/a b",
        "-n",
        "ingest.decode",
    ]
    (script,) = scripts(*typed)
    assert commands(script) == [f"kedro run --pipeline=transfer_learning {shlex.join(typed)} &"]
    assert "#SBATCH --job-name=transfer_learning-digits_10shot\n" in script


def test_the_job_runs_what_its_name_says_whoever_chooses_the_experiment(tmp_path):
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    (tmp_path / "conf/local/parameters.yml").write_text("experiment: M6\n")
    (script,) = scripts(project=tmp_path)
    assert "#SBATCH --job-name=single_network-M6\n" in script
    assert commands(script) == ["kedro run --pipeline=single_network &"]


def test_options_of_submit_may_stand_anywhere_and_are_not_handed_on():
    (script,) = scripts("--time=01:00:00", "--pipeline=training", "--gpus", "2", "--params=seed=1")
    assert commands(script) == ["kedro run --pipeline=training --params=seed=1 &"]
    assert "#SBATCH --time=01:00:00\n" in script
    assert "#SBATCH --gpus-per-node=2\n" in script


def test_several_hosts_are_several_nodes_which_find_their_images_stored():
    params = "--params=processes.hosts=3,processes.per_host=4,seed=2"
    images, script = scripts("--pipeline=training", "-x", "digits", params, "--gpus=4")
    assert commands(images) == [f"kedro run --pipeline=ingest -x digits {params} &"]
    assert "gpus" not in images
    assert "#SBATCH --nodes=1\n" in images
    assert commands(script) == [
        f"        exec kedro run --pipeline=training -x digits {params}",
        f"    exec kedro run --pipeline=training_helper -x digits {params}",
    ]
    assert "#SBATCH --nodes=3\n" in script


def test_a_study_is_its_images_its_rows_and_itself():
    images, rows, study = scripts(
        "--pipeline=study", "--params=study=mnist,study_rows.only=M1+M6,training.epochs=1"
    )
    given = "--params=seed=0,training.resume=never,training.epochs=1"
    assert commands(images) == [f"kedro run --pipeline=ingest -x M1 {given} &"]
    assert "gpus" not in images
    assert [line.partition("(")[2].removesuffix(") ;;") for line in commands(rows)] == [
        f"kedro run --pipeline=single_network -x M1 {given}",
        f"kedro run --pipeline=single_network -x M6 {given}",
    ]
    assert "--array=0-1\n" in rows
    (command,) = commands(study)
    assert command.startswith("kedro run --pipeline=study --params=study=mnist,")
    assert "#SBATCH --job-name=study-mnist\n" in study


def test_each_seed_of_a_row_is_a_task_of_its_own():
    _, rows, _ = scripts(
        "--pipeline=study", "--params=study=mnist,study_rows.only=M1+M6,study_rows.seeds=0+1"
    )
    assert "#SBATCH --array=0-3" in rows
    told = [(line.split(" -x ")[1][:2], "seed=1" in line) for line in commands(rows)]
    assert told == [("M1", False), ("M1", True), ("M6", False), ("M6", True)]


def test_rows_that_have_been_run_are_not_submitted(monkeypatch):
    from graft.studies.plan import StudyPlan

    monkeypatch.setattr(StudyPlan, "record", lambda self, row, seed: row.name == "M1" or None)
    only = "--params=study=mnist,study_rows.only=M1+M6"
    row, _ = scripts("--pipeline=study", only)
    (command,) = commands(row)
    assert command.startswith("kedro run --pipeline=single_network -x M6 --params=seed=0,")
    assert "--array" not in row
    monkeypatch.setattr(StudyPlan, "record", lambda self, row, seed: True)
    (study,) = scripts("--pipeline=study", only)
    assert commands(study) == [f"kedro run --pipeline=study {only} &"]


def test_a_sweep_is_an_array_of_workers():
    storage = "--params=sweep.storage=postgresql://me@db/sweeps"
    typed = ["--pipeline=sweep", "-x", "digits_sweep", storage]
    (script,) = scripts(*typed, "--workers=8")
    assert commands(script) == [f"kedro run {shlex.join(typed)} &"]
    assert "#SBATCH --array=0-7\n" in script
    (alone,) = scripts("--pipeline=sweep", "-x", "digits_sweep", "--workers=1")
    assert "--array" not in alone


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pipeline=trainig"], "did you mean 'training'?"),
        (["--params=training.epoch=3"], "did you mean 'epochs'?"),
        (["--params=model.backbone=resnet20_cifr"], "resnet20_cifar"),
        (["--params=features.taps=layer9"], "layer9"),
        (["--pipeline=training", "--nodes=training.train"], "training.train"),
        (["--pipeline=ingest", "-x", "folder"], "--params=source.folder="),
        (["--pipeline=comparison"], "--params=comparison.experiments="),
        (["--pipeline=prediction"], "--params=prediction.folder="),
        (["--pipeline=sweep", "--workers=1"], "sweep.space is empty"),
        (["-x", "digts"], "did you mean 'digits'?"),
        (["--epochs=3"], "No such option"),
        (["--time=soon"], "--time"),
        (["--config=x.yml"], "does not exist"),
        (["--config=CONFIG"], "--config is for kedro run alone"),
        (["--pipeline=study"], "no study is chosen"),
        (["--pipeline=sweep"], "say --workers=1"),
        (["--params=processes.per_host=4"], "Say --gpus=4"),
        (
            ["--pipeline=svm", "--params=processes.hosts=2"],
            "train together in one of the pipelines",
        ),
        (
            ["--pipeline=study", "--params=study=mnist,processes.hosts=2"],
            "train together in one of the pipelines",
        ),
        (
            ["--pipeline=training", "--params=processes.hosts=2", "--tags=x"],
            "leave out the options",
        ),
    ],
)
def test_what_cannot_be_run_is_said_before_it_is_queued(arguments, said, tmp_path):
    (tmp_path / "run.yml").write_text("run: {pipeline: training}\n")
    result = submit(*(word.replace("CONFIG", str(tmp_path / "run.yml")) for word in arguments))
    assert result.exit_code != 0
    assert said in result.output


def test_a_network_is_built_for_the_nodes_that_are_chosen_alone():
    assert scripts("--params=model.backbone=resnet20_cifr", "--nodes=ingest.decode")


def test_only_what_is_submitted_downloads_weights(tmp_path, monkeypatch):
    """So that they lie where nodes without a network find them."""
    fake_sbatch(tmp_path, "echo 42", monkeypatch)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    published = ["--pipeline=training", "--params=model.backbone=resnet18,model.weights=DEFAULT"]
    assert scripts(*published)
    result = submitted_from(tmp_path, *published)
    assert result.exit_code == 1
    assert "DEFAULT of resnet18 could not be downloaded" in result.output


def no_network(*arguments: Any, **options: Any) -> None:
    raise OSError("no network")


def without_sbatch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def test_without_slurm_it_says_so_and_dry_run_works(monkeypatch):
    without_sbatch(monkeypatch)
    assert scripts("--pipeline=training")
    result = CliRunner().invoke(
        cli, ["submit", "--pipeline=training"], obj=SimpleNamespace(project_path=PROJECT)
    )
    assert result.exit_code == 1
    assert "There is no sbatch here" in result.output


def fake_sbatch(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sbatch").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def submitted_from(folder: Path, *arguments: str) -> Result:
    (folder / "conf").symlink_to(PROJECT / "conf")
    project = SimpleNamespace(project_path=folder)
    return CliRunner().invoke(cli, ["submit", *arguments], obj=project)


def test_what_is_submitted_is_said_with_how_to_follow_it(tmp_path, monkeypatch):
    fake_sbatch(
        tmp_path, f'echo "$@" >> {tmp_path}/calls; cat > /dev/null; echo "42;here"', monkeypatch
    )
    result = submitted_from(
        tmp_path, "--pipeline=study", "--params=study=mnist,study_rows.only=M1+M6"
    )
    assert result.exit_code == 0, result.output
    assert result.output == (
        "Job 42  study-mnist-images\n"
        "  state   squeue --job=42\n"
        "  log     tail -F data/slurm/study-mnist-images-42.log\n"
        "  stop    scancel 42\n"
        "Job 42  study-mnist-rows, 2 tasks\n"
        "  state   squeue --job=42\n"
        "  log     tail -F data/slurm/study-mnist-rows-42_*.log\n"
        "  stop    scancel 42\n"
        "Job 42  study-mnist\n"
        "  state   squeue --job=42\n"
        "  log     tail -F data/slurm/study-mnist-42.log\n"
        "  stop    scancel 42\n"
    )
    after = "--parsable --dependency=afterany:42"
    assert (tmp_path / "calls").read_text().splitlines() == ["--parsable", after, after]
    assert (tmp_path / "data/slurm").is_dir()


def test_a_mistake_in_mail_is_found_before_a_job_is_queued(tmp_path, monkeypatch):
    fake_sbatch(tmp_path, f"touch {tmp_path}/called", monkeypatch)
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    (tmp_path / "conf/local/mail.yml").write_text("server: smtp.example.org\n")
    project = SimpleNamespace(project_path=tmp_path)
    result = CliRunner().invoke(cli, ["submit", "--pipeline=training"], obj=project)
    assert result.exit_code == 1
    assert "say to whom to write" in result.output
    assert not (tmp_path / "called").exists()


def test_a_job_is_not_told_of_restarts_of_the_one_that_submits_it(tmp_path, monkeypatch):
    fake_sbatch(tmp_path, f"env > {tmp_path}/told; echo 42", monkeypatch)
    for name in ("SLURM_RESTART_COUNT", "SLURM_ARRAY_JOB_ID", "SLURM_CONF"):
        monkeypatch.setenv(name, "3")
    assert submitted_from(tmp_path, "--pipeline=training").exit_code == 0
    told = (tmp_path / "told").read_text().splitlines()
    assert "SLURM_CONF=3" in told
    assert not [line for line in told if line.startswith(("SLURM_RESTART", "SLURM_ARRAY"))]


def test_what_slurm_does_not_take_is_said_in_its_words(tmp_path, monkeypatch):
    fake_sbatch(tmp_path, "echo 'sbatch: error: Invalid account' >&2; exit 1", monkeypatch)
    result = submitted_from(tmp_path, "--pipeline=training")
    assert result.exit_code == 1
    assert "sbatch: error: Invalid account" in result.output
    assert "conf/local/cluster.yml" in result.output


def test_help_shows_what_can_be_asked_for():
    result = CliRunner().invoke(cli, ["submit", "--help"])
    assert result.exit_code == 0
    for option in ("--dry-run", "--time", "--gpus", "--partition", "--workers"):
        assert option in result.output
