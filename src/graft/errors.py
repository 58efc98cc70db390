"""Errors that tell a user what to change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GraftError(Exception):
    """A mistake in data, parameters or files; the message names it and the remedy."""


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """The end of a message, "; did you mean 'x'?", or nothing where no choice comes near."""
    # What is no text (null, a number) is no misspelling.
    nearest = difflib.get_close_matches(word, list(choices), n=1) if isinstance(word, str) else []
    return f"; did you mean '{nearest[0]}'?" if nearest else ""
