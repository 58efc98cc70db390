"""Progress: a bar on a terminal, a few lines in a log file, nothing for a short job."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from graft import progress
from graft.progress import track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def seconds_per_item(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that advances by the one number in this list at each reading."""
    step, now = [1.0], [0.0]

    def read_clock() -> float:
        now[0] += step[0]
        return now[0]

    monkeypatch.setattr(progress.time, "monotonic", read_clock)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    return step


def test_items_pass_through_in_order() -> None:
    assert list(track(range(5), "Counting")) == [0, 1, 2, 3, 4]
    assert list(track(iter("abc"), "Spelling", total=3)) == ["a", "b", "c"]


@pytest.mark.usefixtures("seconds_per_item")
def test_a_log_gets_a_line_every_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    list(track(range(35), "Counting"))
    assert [record.getMessage() for record in caplog.records] == [
        "Counting: 9 of 35 (0.9/s, 29 s left)",
        "Counting: 19 of 35 (0.9/s, 17 s left)",
        "Counting: 29 of 35 (1.0/s, 6 s left)",
    ]


def test_a_short_job_says_nothing(
    caplog: pytest.LogCaptureFixture, seconds_per_item: list[float]
) -> None:
    caplog.set_level(logging.INFO)
    seconds_per_item[0] = 0.1
    list(track(range(50), "Counting"))
    assert not caplog.records


def test_a_slow_first_item_is_no_division_by_zero(
    caplog: pytest.LogCaptureFixture, seconds_per_item: list[float]
) -> None:
    caplog.set_level(logging.INFO)
    seconds_per_item[0] = 60.0
    list(track(range(1), "Counting"))
    assert caplog.messages == ["Counting: 0 of 1"]


@pytest.mark.usefixtures("seconds_per_item")
def test_an_unknown_total_gives_no_time_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    list(track(iter(range(12)), "Counting"))
    assert caplog.messages == ["Counting: 9 (0.9/s)"]


def test_a_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    assert list(track(range(5), "Counting")) == [0, 1, 2, 3, 4]
    assert "Counting" in terminal.getvalue()
    assert "5/5" in terminal.getvalue()
    assert not caplog.records


def test_a_terminal_without_rich_gets_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert list(track(range(5), "Counting")) == [0, 1, 2, 3, 4]
    assert terminal.getvalue() == ""
