"""E-mail at the end of a run: what it says, and that it never costs the run anything."""

from __future__ import annotations

import logging
import socket
import threading

import pytest

from graft.cluster.mail import Ending, Login, send, write_message
from graft.config.cluster import Mail

METRICS = {
    "fine-tuned": {
        "accuracy": {"value": 0.9512, "low": 0.93, "high": 0.97},
        "macro_f1": {"value": 0.94},
        "per_class": {"cat": {"value": 0.5}},
        "constant": 3,
        "name": "x",
    }
}
FACTS = {"host": "node7", "SLURM job": "42", "MLflow run": "https://mlflow.example.org/#/runs/1"}


def mail(port: int = 25, server: str = "127.0.0.1") -> Mail:
    return Mail(
        server=server,
        port=port,
        encryption="none",
        sender="graft@example.org",
        recipient="me@example.org",
    )


def ending(error: str | None = None, run: str = "training, digits") -> Ending:
    return Ending(run, error, 754.0, METRICS, FACTS)


def test_a_finished_run_tells_its_metrics_and_where_to_look():
    message = write_message(ending(), mail())
    assert message["Subject"] == "training, digits finished after 12 min"
    assert (message["From"], message["To"]) == ("graft@example.org", "me@example.org")
    assert (
        message.get_content()
        == """\
fine-tuned  accuracy  0.9512  (0.93 to 0.97)
fine-tuned  macro f1  0.94
fine-tuned  constant  3

host        node7
SLURM job   42
MLflow run  https://mlflow.example.org/#/runs/1
"""
    )


def test_a_failed_run_tells_why():
    message = write_message(ending("GraftError: The folder is empty.\nName another."), mail())
    assert message["Subject"] == "training, digits failed after 12 min"
    assert message.get_content().startswith("GraftError: The folder is empty.\nName another.\n\n")


def test_a_name_with_a_line_break_adds_no_header():
    message = write_message(ending(run="training, a\nBcc: you@example.org"), mail())
    assert message["Bcc"] is None
    assert message["Subject"].startswith("training, a Bcc: you@example.org finished")


def test_many_methods_are_cut_short():
    metrics = {f"method {n}": {"accuracy": n / 100} for n in range(80)}
    text = write_message(Ending("x", None, 1.0, metrics, {}), mail()).get_content()
    assert "… and 20 more\n" in text
    assert "method 59 " in text


def test_a_message_arrives(mail_server):
    message = write_message(ending(), mail())
    assert send(message, mail(mail_server.port), None)
    (arrived,) = mail_server.messages
    assert arrived["Subject"] == message["Subject"]
    assert arrived.get_content() == message.get_content()


def test_a_server_that_is_away_costs_a_warning_without_secrets(caplog):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        where = mail(closed.getsockname()[1])
    with caplog.at_level(logging.DEBUG):
        assert not send(write_message(ending(), where), where, Login("me", "hunter2"))
    assert "ConnectionRefusedError" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_server_that_takes_no_login_costs_a_warning(mail_server, caplog):
    where = mail(mail_server.port)
    assert not send(write_message(ending(), where), where, Login("me", "hunter2"))
    assert mail_server.messages == []
    assert "SMTPNotSupportedError" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_server_that_never_answers_is_given_up(monkeypatch, caplog):
    monkeypatch.setattr("graft.cluster.mail._SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = mail(silent.getsockname()[1])
        assert not send(write_message(ending(), where), where, None)
    assert "No e-mail could be sent through 127.0.0.1" in caplog.text


def test_not_even_a_name_server_that_hangs_holds_a_run_up(monkeypatch, caplog):
    monkeypatch.setattr("graft.cluster.mail._SECONDS", 0.2)
    hanging, released = threading.Event(), threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (hanging.set(), released.wait(200)))
    assert not send(write_message(ending(), mail()), mail(server="mail.example.org"), None)
    assert hanging.wait(200)  # a busy machine may get there later
    released.set()
    assert "no answer" in caplog.text


def test_a_login_does_not_show_its_password():
    assert "hunter2" not in f"{Login('me', 'hunter2')!r} {Login('me', 'hunter2')}"


@pytest.mark.parametrize("error", [None, "why"])
def test_a_run_without_metrics_or_facts_has_a_message_too(error):
    assert write_message(Ending("ingest, digits", error, 3.0, {}, {}), mail()).get_content()
