"""The tags that say where a run comes from."""

from __future__ import annotations

import subprocess
import sys

import mlflow

from graft.tracking.provenance import RunTags, git_commit, is_alive, process_tags, run_tags


def git(folder, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    answer = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return answer.stdout.strip()


def test_the_commit_is_recorded_and_whether_files_differ_from_it(tmp_path):
    (tmp_path / "file").write_text("a")
    git(tmp_path, "init")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "tag", "-a", "v1", "-m", "a tag must not stand for the commit")
    commit = git(tmp_path, "rev-parse", "HEAD")
    tags = run_tags(tmp_path, "digits")
    assert (tags["git_commit"], tags["git_dirty"]) == (commit, "false")
    (tmp_path / "file").write_text("b")
    tags = run_tags(tmp_path, "digits")
    assert (tags["git_commit"], tags["git_dirty"]) == (commit, "true")


def test_a_folder_without_git_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit(tmp_path) is None
    assert "git_commit" not in run_tags(tmp_path, "digits")


def test_the_command_can_be_pasted_into_a_shell(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/kedro", "run", "--params=a=b c"])
    assert run_tags(tmp_path, "digits")["command"] == "kedro run '--params=a=b c'"


def test_a_row_of_a_study_is_its_runs_child(tmp_path, monkeypatch):
    assert "mlflow.parentRunId" not in run_tags(tmp_path, "digits")
    monkeypatch.setenv("GRAFT_PARENT_RUN", "abc")
    assert run_tags(tmp_path, "digits")["mlflow.parentRunId"] == "abc"


def test_this_process_is_alive_and_an_ended_one_is_not():
    process = process_tags()["process"]
    assert is_alive(process)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_alive(f"{ended.pid}:1")


def test_a_process_number_used_anew_is_another_process():
    number, _, started = process_tags()["process"].partition(":")
    assert not is_alive(f"{number}:{int(started) - 1}")


def test_a_run_and_its_child_carry_the_tags_from_the_first_moment(store):
    tags = RunTags()
    tags.provide({"experiment": "digits"})
    try:
        with mlflow.start_run() as run, mlflow.start_run(nested=True) as child:
            assert mlflow.get_run(run.info.run_id).data.tags["experiment"] == "digits"
            assert mlflow.get_run(child.info.run_id).data.tags["experiment"] == "digits"
    finally:
        tags.provide({})
