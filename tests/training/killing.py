"""Somebody who watches a training, and kills it."""

from __future__ import annotations


class Stop(Exception):  # noqa: N818 - it is none
    """What kills a training in these tests."""


class Killer:
    """Ends the training the hard way: nothing is saved on the way out.

    Args:
        batches: After so many; None lets it live.
    """

    def __init__(self, batches: int | None = None) -> None:
        self.left = batches

    def on_start(self, epochs, batches): ...
    def on_resume(self, history, batches): ...
    def on_epoch(self, record): ...
    def on_end(self): ...

    def on_batch(self, means):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Stop
