"""Errors that tell a user what to change."""


class GraftError(Exception):
    """A mistake in data, parameters or files; the message names it and the remedy."""
