"""When a training's state is saved, and where a training goes on.

The state is saved every so many seconds, at the end, and as soon as somebody asks for a stop
(Ctrl-C, a scheduler's signal): then the training ends where it is, and a later process goes on from
there to the same bits.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from graft import interruption
from graft.training.state import StateKeeper, require_same_setup

if TYPE_CHECKING:
    from graft.training.moving_parts import MovingParts

logger = logging.getLogger(__name__)


class SafetyNet:
    """Saves and restores the state of one training.

    Args:
        keeper: Where states are kept; None keeps none.
        setup: JSON types: what has to be the same for the bits to be. A state that was saved under
            another setup is refused.
        resume: Whether to go on where an earlier process ended, if one did.
        restarted: Whether this process has taken the place of one that died, or whose job SLURM has
            queued again: then it goes on where that one had saved, whatever `resume` says, or from
            the start where it had not.
        seconds: How long a training goes without being saved.
    """

    def __init__(
        self,
        keeper: StateKeeper | None,
        setup: dict[str, Any] | None = None,
        *,
        resume: bool = False,
        restarted: bool = False,
        seconds: float = 60.0,
    ) -> None:
        self._keeper = keeper
        self._setup: dict[str, Any] = json.loads(json.dumps(setup or {}))
        self._resume = resume or restarted
        self._restarted = restarted
        self._seconds = seconds
        self._saved = time.monotonic()
        self._has_saved = False

    def catch_up(self, parts: MovingParts) -> None:
        """Put the training where an earlier process ended, if that is wanted and there is one.

        Raises:
            GraftError: The earlier training had another setup.
        """
        state = self._keeper.newest() if self._keeper else None
        if self._restarted and state is not None and state.setup != self._setup:
            state = None  # that of an earlier training: this one had not saved yet
        if state is None:
            if self._resume:
                logger.info("There is no interrupted training to go on with: it begins anew.")
            return
        done = f"epoch {state.progress['epoch']}, batch {state.progress['batch']}"
        if not self._resume:
            logger.info(
                "The state of an earlier training (%s) is there. This one begins anew; "
                "training.resume: auto would go on with it.",
                done,
            )
            return
        require_same_setup(state.setup, self._setup)
        parts.put_back(state)
        self._has_saved = True
        logger.info("Going on with the training that ended in %s.", done)

    def after_batch(self, parts: MovingParts) -> None:
        """Save if it is time to; end if somebody asked.

        Raises:
            KeyboardInterrupt, SystemExit: Somebody asked for a stop; the state is saved.
        """
        if interruption.requested():
            self._save(parts)
            if self._keeper:
                logger.warning(
                    "Stopped in epoch %d after %d batches. The same command with "
                    "--params=training.resume=auto goes on from here.",
                    parts.epoch,
                    parts.batch,
                )
            interruption.interrupt()
        if time.monotonic() - self._saved >= self._seconds:
            self._save(parts)

    def at_end(self, parts: MovingParts) -> None:
        """What took long to train is kept for a process that dies in a later stage."""
        if self._has_saved:
            self._save(parts)

    def _save(self, parts: MovingParts) -> None:
        if self._keeper is None:
            return
        self._keeper.save(parts.take_out(self._setup))
        self._saved = time.monotonic()
        self._has_saved = True
