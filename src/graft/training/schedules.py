"""Learning-rate schedules: the rate over its peak as a function of the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch

    from graft.training.recipe import TrainingRecipe

SCHEDULES = ("one_cycle", "cosine", "constant", "step", "multi_step")


class Schedule:
    """Sets the learning rates of an optimizer; stepped after every batch.

    Args:
        optimizer: Its groups' learning rates are the peaks.
        recipe: Names the schedule and its constants.
        batches: Batches an epoch.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, recipe: TrainingRecipe, batches: int
    ) -> None:
        self._optimizer = optimizer
        self._recipe = recipe
        self._batches = batches
        self._peaks: list[float] = [group["lr"] for group in optimizer.param_groups]
        self._steps = 0
        self._set()

    def step(self) -> None:
        """A batch is done."""
        self._steps += 1
        self._set()

    def lower_peaks(self, factor: float) -> None:
        """Go on with all learning rates `factor` times what they would be."""
        self._peaks = [factor * peak for peak in self._peaks]
        self._set()

    def state(self) -> dict[str, Any]:
        """Where it is, as JSON types."""
        return {"steps": self._steps, "peaks": self._peaks}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from another one's `state`."""
        self._steps, self._peaks = state["steps"], list(state["peaks"])
        self._set()

    def _set(self) -> None:
        factor = self._share_of_peak()
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor

    def _share_of_peak(self) -> float:
        return learning_rate_factor(self._recipe, self._steps, self._batches)


def learning_rate_factor(recipe: TrainingRecipe, step: int, batches: int) -> float:
    """The learning rate over its peak after `step` batches, of `batches` an epoch.

    With `warm_up_epochs`, whatever the schedule says is multiplied by a share that rises linearly
    to 1 over these epochs.

    Raises:
        GraftError: An unknown schedule.
    """
    warm_up = recipe.warm_up_epochs * batches
    share = min(1.0, (step + 1) / warm_up) if warm_up > 0 else 1.0
    return share * _factor(recipe, step, batches)


def _factor(recipe: TrainingRecipe, step: int, batches: int) -> float:
    progress = step / max(1, recipe.epochs * batches)
    epochs_done = step // max(1, batches)
    match recipe.schedule:
        case "constant":
            return 1.0
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case "one_cycle":
            rising = 0.25
            if progress < rising:
                return 0.04 + 0.96 * progress / rising
            return 0.5 * (1 + math.cos(math.pi * (progress - rising) / (1 - rising)))
        case "step":
            return recipe.step_factor ** (epochs_done // recipe.step_epochs)
        case "multi_step":
            passed = sum(milestone <= epochs_done for milestone in recipe.milestones)
            return recipe.step_factor**passed
    raise GraftError(
        f"training.schedule: '{recipe.schedule}' is not one of {', '.join(SCHEDULES)}."
    )
