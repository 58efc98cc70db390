"""Unfreezing while a training is under way: what is trained may grow from epoch to epoch.

Linear probing, then fine-tuning (Kumar et al. 2022) is `model.freezing: all_except_last` with
`training.unfreezing: {3: none}`: after three epochs nothing is frozen any more. Gradual unfreezing
(Howard and Ruder 2018) is `{1: all_except_1, 2: all_except_2, 3: none}`: a stage more an epoch.

What is in force is a function of the epoch alone, so that a training that is gone on with finds
it. A parameter that is trained from some epoch on had no gradient before, hence no momentum; it
joins the schedule, which is one over all epochs, where that stands.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.models.freezing import trainable_stages

if TYPE_CHECKING:
    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe

logger = logging.getLogger(__name__)


def unfreeze(models: Sequence[Classifier], recipe: TrainingRecipe, epoch: int) -> None:
    """Freeze what the recipe freezes in an epoch.

    Args:
        models: What is trained, and its moving average.
        recipe: The training's constants.
        epoch: Counted from 1.
    """
    begun = [after for after in recipe.unfreezing if after < epoch]
    if not begun or models[0].freezing == recipe.unfreezing[max(begun)]:
        return
    for model in models:
        model.freeze(recipe.unfreezing[max(begun)])
    stages = [name for name in model.stage_names() if list(model.stage_parameters(name))]
    logger.info("From epoch %d on %s and the head are trained.", max(begun) + 1, ", ".join(stages))


@contextmanager
def unfrozen_at_last(model: Classifier, recipe: TrainingRecipe) -> Iterator[dict[int, int]]:
    """Within the context all is trainable that will be at the end.

    Gives for each trainable parameter, by its id, the number of the phase in which it joins.
    """
    before, turns = model.freezing, _trainable(model, 0)
    for number, after in enumerate(sorted(recipe.unfreezing), start=1):
        model.freeze(recipe.unfreezing[after])
        turns = _trainable(model, number) | turns
    try:
        yield turns
    finally:
        if recipe.unfreezing:
            model.freeze(before)


def require_unfreezing(model: Classifier, recipe: TrainingRecipe) -> None:
    """Check `training.unfreezing` against a network that is frozen as it begins.

    Raises:
        GraftError: An unknown strategy or stage, an epoch that does not come, or a stage that
            would be frozen again.
    """
    trained = _trained(model, model.freezing)
    for after in sorted(recipe.unfreezing):
        strategy = recipe.unfreezing[after]
        if after >= recipe.epochs:
            raise GraftError(
                f"training.unfreezing: '{_written(strategy)}' would be in force after epoch "
                f"{after}, and there are {recipe.epochs} (training.epochs)."
            )
        then = _trained(model, strategy)
        if lost := [name for name in model.stage_names() if name in trained - then]:
            raise GraftError(
                f"training.unfreezing: '{_written(strategy)}' after epoch {after} would freeze "
                f"{', '.join(lost)} again, which model.freezing or an earlier line trains. What is "
                "trained can only grow."
            )
        trained = then


def _trainable(model: Classifier, phase: int) -> dict[int, int]:
    return {id(parameter): phase for parameter in model.parameters() if parameter.requires_grad}


def _trained(model: Classifier, strategy: str | Sequence[str]) -> frozenset[str]:
    try:
        return trainable_stages(strategy, model.stage_names(), model.spec.name)
    except GraftError as error:
        raise GraftError(str(error).replace("model.freezing", "training.unfreezing")) from None


def _written(strategy: str | Sequence[str]) -> str:
    return strategy if isinstance(strategy, str) else ", ".join(strategy)
