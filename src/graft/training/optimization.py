"""Optimizers by name, and which parameters learn at which rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe


def build_optimizer(model: Classifier, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """An optimizer over the trainable parameters, in groups that learn at rates of their own.

    Fused kernels throughout: the ordinary step costs a small network up to 40 % of its time.

    Raises:
        GraftError: An unknown optimizer, or a learning rate for a stage that does not learn.
    """
    import torch

    groups = parameter_groups(model, recipe)
    # torch has no fused optimizers on Apple's devices for every type; the default is right there.
    fused = next(model.parameters()).device.type in ("cpu", "cuda") or None
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            groups,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov and recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
            fused=fused,
        )
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, weight_decay=recipe.weight_decay, fused=fused)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=fused)
    raise GraftError(f"training.optimizer: '{recipe.optimizer}' is not one of sgd, adam, adamw.")


def parameter_groups(model: Classifier, recipe: TrainingRecipe) -> list[dict[str, Any]]:
    """The trainable parameters with their peak learning rates: the head's first.

    Then come the backbone's, and those of each stage that the recipe gives a rate of its own.

    Raises:
        GraftError: The recipe gives a rate to a stage that the network does not have or train.
    """
    own = {name: _learning(model, name) for name in recipe.stage_learning_rates}
    taken = {id(parameter) for stage in own.values() for parameter in stage}
    rest = [p for p in model.backbone_parameters() if id(p) not in taken]
    groups = [
        _group(model.head.parameters(), recipe, 1.0),
        _group(rest, recipe, recipe.backbone_learning_rate_factor),
        *(_group(own[name], recipe, recipe.stage_learning_rates[name]) for name in own),
    ]
    groups = [group for group in groups if group["params"]]
    if not recipe.weight_decay_on_norms:
        groups = [part for group in groups for part in _without_decay_on_norms(group)]
    return groups


def _group(parameters: Iterable[nn.Parameter], recipe: TrainingRecipe, factor: float) -> Any:
    return {"params": list(parameters), "lr": recipe.learning_rate * factor}


def _without_decay_on_norms(group: dict[str, Any]) -> list[dict[str, Any]]:
    weights = [parameter for parameter in group["params"] if parameter.ndim > 1]
    others = [parameter for parameter in group["params"] if parameter.ndim <= 1]
    parts = [{**group, "params": weights}, {**group, "params": others, "weight_decay": 0.0}]
    return [part for part in parts if part["params"]]


def _learning(model: Classifier, stage: str) -> list[nn.Parameter]:
    learning = {name: list(model.stage_parameters(name)) for name in model.stage_names()}
    if not learning.get(stage):
        trained = ", ".join(name for name in learning if learning[name])
        raise GraftError(
            f"training.stage_learning_rates: {model.spec.name} trains no stage '{stage}'. "
            + (f"It trains {trained}" if trained else "It trains the head only, see model.freezing")
            + "; the head's rate is training.learning_rate."
        )
    return learning[stage]
