"""What is done when weights diverge: back to the best ones, more slowly, and at last an error."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from graft.errors import GraftError

if TYPE_CHECKING:
    from graft.training.moving_parts import MovingParts
    from graft.training.recipe import TrainingRecipe

logger = logging.getLogger(__name__)

ROLLBACKS = 2


def recover(parts: MovingParts, recipe: TrainingRecipe, *, at_the_end: bool = False) -> None:
    """Go back to the best weights so far and on with half the learning rate.

    Args:
        parts: What changes.
        recipe: The training's constants.
        at_the_end: Whether no batches are left.

    Raises:
        GraftError: That has been tried, or at the end no epoch is worth keeping.
    """
    if parts.rollbacks >= ROLLBACKS or (at_the_end and parts.best_epoch == 0):
        raise GraftError(
            f"In epoch {parts.epoch} the loss or its gradients are no finite numbers any more"
            f"{_tried(parts.rollbacks)}: the weights have diverged. Lower training.learning_rate "
            f"({recipe.learning_rate}), set training.gradient_clipping, or train in fp32."
        )
    parts.roll_back()
    where = f"those after epoch {parts.best_epoch}" if parts.best_epoch else "those it began with"
    logger.warning(
        "The weights have diverged in epoch %d. The training goes on from the best ones, %s, with "
        "half the learning rate.",
        parts.epoch,
        where,
    )


def _tried(rollbacks: int) -> str:
    if rollbacks == 0:
        return ""
    times = "once" if rollbacks == 1 else "twice"
    return f", though the training went back to its best weights {times}, at half the learning rate"
