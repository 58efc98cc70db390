"""When a run writes e-mail, and as whom it logs in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kedro.config import MissingConfigException
from kedro.io import DatasetError

from graft.cluster import mail
from graft.cluster.hooks import PASSWORD_VARIABLE, USER_VARIABLE, LeaseHooks, MailHooks
from graft.cluster.mail import Login
from graft.errors import GraftError
from graft.lease import VARIABLE, LeaseLostError

MAIL = {
    "server": "127.0.0.1",
    "port": 25,
    "encryption": "none",
    "sender": None,
    "recipient": "me@example.org",
}


class Loader(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        raise MissingConfigException(key)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Messages, in place of being sent; with the login."""
    messages: list[Any] = []
    monkeypatch.setattr(mail, "send", lambda message, _, login: messages.append((message, login)))
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID", "GRAFT_PARENT_RUN", USER_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return messages


def begun(**config: Any) -> MailHooks:
    """The hooks of a run that has begun."""
    loader = Loader(
        {"mail": MAIL, "parameters": {"experiment": "digits"}, "tracking_server": None} | config
    )
    hooks = MailHooks()
    hooks.after_context_created(SimpleNamespace(config_loader=loader))
    hooks.before_pipeline_run()
    return hooks


RUN = {"pipeline_names": ["training"]}


def test_the_end_of_a_run_is_told_with_its_metrics(sent):
    hooks = begun()
    hooks.after_dataset_saved("metrics", {"fine-tuned": {"accuracy": {"value": 0.9}}})
    hooks.after_dataset_saved("history", "no metrics")
    hooks.after_pipeline_run(RUN)
    ((message, login),) = sent
    assert message["Subject"] == "training, digits finished after 0 s"
    assert message["From"] == message["To"] == "me@example.org"
    assert message.get_content().startswith("fine-tuned  accuracy  0.9\n")
    assert login is None


@pytest.mark.parametrize(
    ("error", "told"),
    [(ZeroDivisionError("a bug"), "ZeroDivisionError: a bug"), (GraftError("x"), "GraftError: x")],
)
def test_a_failure_is_told_with_its_reason(sent, error, told):
    begun().on_pipeline_error(error, RUN)
    ((message, _),) = sent
    assert message["Subject"] == "training, digits failed after 0 s"
    assert message.get_content().startswith(f"{told}\n")


def wrapped(error: Exception) -> Exception:
    """As Kedro hands on what a dataset raises."""
    outer = DatasetError("Failed while saving")
    outer.__cause__ = error
    return outer


def test_the_mistake_behind_an_error_is_told(sent):
    begun().on_pipeline_error(wrapped(GraftError("the disk is full")), RUN)
    assert sent[0][0].get_content().startswith("GraftError: the disk is full\n")


def test_an_orphan_tells_nothing(sent):
    begun().on_pipeline_error(wrapped(LeaseLostError("elsewhere")), RUN)
    assert sent == []


@pytest.mark.parametrize("variable", ["SLURM_ARRAY_JOB_ID", "GRAFT_PARENT_RUN"])
def test_one_of_many_tells_only_of_its_failure(sent, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    begun().after_pipeline_run(RUN)
    assert sent == []
    begun().on_pipeline_error(GraftError("x"), RUN)
    assert len(sent) == 1


def test_without_a_server_and_as_a_helper_nothing_is_told(sent):
    begun(mail={**MAIL, "server": None}).after_pipeline_run(RUN)
    begun().after_pipeline_run({"pipeline_names": ["training_helper"]})
    assert sent == []


def test_a_message_that_cannot_be_written_does_no_harm(sent, caplog):
    hooks = begun()
    hooks.after_dataset_saved("metrics", object())
    hooks.after_pipeline_run(RUN)
    assert sent == []
    assert "could not be written" in caplog.text


def test_credentials_come_from_their_file_and_rather_from_the_environment(sent, monkeypatch):
    given = {"mail": {"user": "me", "password": 1234}}
    begun(credentials=given).after_pipeline_run(RUN)
    monkeypatch.setenv(USER_VARIABLE, "you")
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret")
    begun(credentials=given).after_pipeline_run(RUN)
    assert [login for _, login in sent] == [Login("me", "1234"), Login("you", "secret")]


def test_a_run_in_a_job_takes_its_lease(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "5")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "test")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    monkeypatch.setenv(VARIABLE, "")
    LeaseHooks().before_pipeline_run({"project_path": str(tmp_path)})
    assert (tmp_path / "data/.leases/test-5").read_text() == "2\n"
