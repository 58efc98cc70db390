"""Which learning rate to begin with: a short training in which the rate rises step by step.

The range test of Smith (2015), with the exponential rise and the early end of Gugger (2018). At
small rates the loss stands still, then it falls, and where steps get too large it rises. The rate
with the lowest loss is on the verge of that; Gugger takes a tenth of it. A third is suggested here,
as the peak of a schedule: for a new head on MobileNetV2 it did better than a tenth and the whole
(1,000 images of CIFAR-10, test loss 1.25, 1.26 and 1.48), and for the default run it is near the
rate that had been chosen on validation images.
"""

from __future__ import annotations

import copy
import itertools
import logging
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graft.errors import GraftError
from graft.progress import track
from graft.training.batches import Batches
from graft.training.losses import build_loss_for
from graft.training.moving_parts import MovingParts
from graft.training.optimization import build_optimizer
from graft.training.schedules import Schedule
from graft.training.step import Step
from graft.training.views import TrainingViews

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from graft.compute import Compute
    from graft.images.augmentation import Policy
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe
    from graft.training.views import View

logger = logging.getLogger(__name__)

BELOW = 3.0  # so much lower than the rate with the lowest loss is what is suggested
TOO_HIGH = 2.0  # times the loss of the first steps: the rates that follow are no better
_FEW = 5  # steps whose mean is compared with that: single batches differ much
_SMOOTHED_OVER = 0.03  # of the steps: the deviation of a Gaussian


class Suggestion(NamedTuple):
    """What a search says.

    Attributes:
        learning_rate: A third of the rate with the lowest loss.
        lowest_loss_at: That rate.
        is_bracketed: Whether the loss fell before that rate and rose after it; else the range that
            was searched does not hold the answer.
    """

    learning_rate: float
    lowest_loss_at: float
    is_bracketed: bool


def search_learning_rates(
    model: Classifier,
    store: ImageStore,
    recipe: TrainingRecipe,
    policy: Policy,
    compute: Compute,
    seed: int,
    *,
    steps: int = 100,
    lowest: float = 1e-6,
    highest: float = 10.0,
) -> pd.DataFrame:
    """Train a copy of a classifier at rates that rise from step to step; it stays as it is.

    All else is as the recipe says: optimizer, loss, batches, the other stages' rates over the
    head's. What is frozen as the training begins stays frozen.

    Args:
        model: The classifier, frozen as wanted.
        store: The images; those of validation and test are not touched.
        recipe: The training's constants; its schedule and epochs do not matter.
        policy: Augmentation of the training images.
        compute: Device and precision.
        seed: Of order, augmentation and dropout.
        steps: At most so many; the search ends where the loss is well above what it began with.
        lowest: The head's rate at the first step.
        highest: The head's rate at the last step.

    Returns:
        A row a step: step, learning_rate (the head's), loss (of its batch, before the step) and
        smoothed_loss.

    Raises:
        GraftError: The first step gives no finite numbers, or nothing is trained.
    """
    import pandas as pd
    import torch

    torch.manual_seed(seed)
    model = copy.deepcopy(model)
    compute.place(model)
    batches = Batches(store, "train", recipe.batch_size, compute)
    views = TrainingViews(batches, policy, seed, store.num_classes, recipe.sampling)
    optimizer = build_optimizer(model, recipe)
    rising = _Rising(optimizer, recipe, lowest, highest, steps)
    scaler, parts_at_once = compute.grad_scaler(), recipe.micro_batch_size
    parts = MovingParts(model, None, optimizer, rising, scaler, compute, parts_at_once)
    step = Step(parts, build_loss_for(recipe, store, compute), recipe)
    rates: list[float] = []
    losses: list[float] = []
    model.train()
    shown = track(_endless(views, steps), "Searching a learning rate", total=steps)
    for view in shown:
        rate = optimizer.param_groups[0]["lr"]
        measured = step.take(view)
        if measured is None:
            break
        rates.append(rate)
        losses.append(float(measured.loss))
        if np.mean(losses[-_FEW:]) > TOO_HIGH * np.mean(losses[:_FEW]):
            break
    if not losses:
        raise GraftError(
            "learning_rate_finder: the first step gives no finite numbers. Look at the images and "
            f"weights, or lower learning_rate_finder.lowest ({lowest:g})."
        )
    return pd.DataFrame(
        {
            "step": range(1, len(losses) + 1),
            "learning_rate": rates,
            "loss": losses,
            "smoothed_loss": _smoothed(np.array(losses), _SMOOTHED_OVER * steps),
        }
    )


def suggest_learning_rate(search: pd.DataFrame) -> Suggestion:
    """What to take as `training.learning_rate`, by the result of `search_learning_rates`.

    >>> import pandas as pd
    >>> curve = {"learning_rate": [0.03, 0.3, 3.0, 30.0], "smoothed_loss": [2.0, 1.0, 0.5, 3.0]}
    >>> suggest_learning_rate(pd.DataFrame(curve)).learning_rate
    1.0
    """
    losses = search["smoothed_loss"].to_numpy()
    best = int(losses.argmin())
    rate = float(search["learning_rate"].iloc[best])
    is_bracketed = 0 < best < len(losses) - 1
    if not is_bracketed:
        where = "lowest" if best == 0 else "highest"
        logger.warning(
            "The loss is lowest at the %s of the rates that were tried (%g): change "
            "learning_rate_finder.%s and search again.",
            where,
            rate,
            where,
        )
    return Suggestion(rate / BELOW, rate, is_bracketed)


class _Rising(Schedule):
    """From the lowest to the highest rate, by the same factor each step."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        recipe: TrainingRecipe,
        lowest: float,
        highest: float,
        steps: int,
    ) -> None:
        self._range = (math.log(lowest / recipe.learning_rate), math.log(highest / lowest))
        super().__init__(optimizer, recipe, steps)

    def _share_of_peak(self) -> float:
        start, width = self._range
        return math.exp(start + width * self._steps / max(1, self._batches - 1))


def _endless(views: TrainingViews, steps: int) -> Iterator[View]:
    """Epoch after epoch, `steps` batches in all."""
    epochs = (views.epoch(number) for number in itertools.count(1))
    return itertools.islice(itertools.chain.from_iterable(epochs), steps)


def _smoothed(values: np.ndarray, deviation: float) -> np.ndarray:
    """Means weighted by a Gaussian over the places; at the ends over those that there are."""
    places = np.arange(len(values))
    weights = np.exp(-0.5 * ((places[:, None] - places[None, :]) / deviation) ** 2)
    means: np.ndarray = weights @ values / weights.sum(axis=1)
    return means
