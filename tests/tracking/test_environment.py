"""The console shows what is logged, whatever stands in it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from kedro.logging import RichHandler
from rich.console import Console

from graft.tracking.environment import show_brackets


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What Kedro's console handler writes."""
    output = io.StringIO()
    handler = RichHandler(console=Console(file=output, width=200, color_system=None))
    root = logging.getLogger()
    root.addHandler(handler)
    show_brackets()
    yield output
    root.removeHandler(handler)


def test_brackets_in_messages_are_brackets(output: io.StringIO) -> None:
    logging.getLogger("graft").warning("%s is quarantined", "[/b][red].png")
    assert "[/b][red].png is quarantined" in output.getvalue()


def test_kedros_colours_are_no_brackets(output: io.StringIO) -> None:
    message, extra = "Loading %s", {"rich_format": ["dark_orange"]}
    logging.getLogger("kedro").warning(message, "image_store", extra=extra)
    assert "Loading image_store" in output.getvalue()
