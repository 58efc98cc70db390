"""The journal of a decoding: what of it counts after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.datasets.decoding_journal import DecodingJournal, read_description, read_outcomes
from graft.images.decoder import Outcome

ABOUT = {"rule": {"size": 32}, "images": "0a1b"}
OUTCOMES = [
    Outcome(3, 4, "00ff"),
    Outcome(sha256="11", reason='OSError: "torn", they say # at byte 7'),
    Outcome(reason="NA"),
    Outcome(5, 6, "22"),
]


def stored(journal: DecodingJournal) -> list[Outcome]:
    return [Outcome(*row) for row in journal.outcomes.itertuples(index=False)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = DecodingJournal(tmp_path / "outcomes.csv", ABOUT)
    assert stored(journal) == []
    journal.append(OUTCOMES[:2])
    journal.append(OUTCOMES[2:])
    return tmp_path / "outcomes.csv"


def test_outcomes_come_back_as_they_were(path: Path) -> None:
    assert stored(DecodingJournal(path, ABOUT)) == OUTCOMES
    assert read_description(path) == ABOUT
    assert [Outcome(*row) for row in read_outcomes(path).itertuples(index=False)] == OUTCOMES


def test_a_journal_about_other_images_is_begun_anew(path: Path) -> None:
    assert stored(DecodingJournal(path, ABOUT | {"images": "ffff"})) == []
    assert stored(DecodingJournal(path, ABOUT)) == []


@pytest.mark.parametrize("torn", ["7,8,33", "7", "\0" * 512, '7,8,33,"half a reas'])
def test_a_torn_line_does_not_count_and_is_overwritten(path: Path, torn: str) -> None:
    with path.open("a") as file:
        file.write(torn)
    journal = DecodingJournal(path, ABOUT)
    assert stored(journal) == OUTCOMES
    journal.append([Outcome(7, 8, "33")])
    assert stored(DecodingJournal(path, ABOUT)) == [*OUTCOMES, Outcome(7, 8, "33")]


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b'{"rule": ', b"[]\n"])
def test_a_journal_without_its_first_line_counts_for_nothing(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read_description(path) is None
    assert stored(DecodingJournal(path, ABOUT)) == []
    assert read_description(path) == ABOUT


def test_every_prefix_of_a_journal_gives_the_outcomes_that_it_holds(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:length])
        found = stored(DecodingJournal(path, ABOUT))
        assert found == OUTCOMES[: whole[:length].count(b"\n") - 1]
