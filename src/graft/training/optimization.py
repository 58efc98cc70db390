"""Optimizers by name, and which parameters learn at which rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError
from graft.training.unfreezing import require_unfreezing, unfrozen_at_last

if TYPE_CHECKING:
    import torch
    from torch import nn

    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe

OPTIMIZERS = ("sgd", "adam", "adamw", "muon")


def build_optimizer(model: Classifier, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """An optimizer over all parameters that will be trained, in groups with rates of their own.

    Optimizers pass over parameters without a gradient: those that are frozen at first stay as they
    are, without weight decay or momenta, until they are trained.

    Fused kernels throughout: the ordinary step costs a small network up to 40 % of its time.

    Args:
        model: The classifier, frozen as the training begins, with the weights that it begins with.
        recipe: Optimizer, rates, penalties, unfreezing.

    Raises:
        GraftError: An unknown optimizer, or a learning rate for a stage that does not learn.
    """
    with unfrozen_at_last(model, recipe) as turns:
        groups = [p for group in parameter_groups(model, recipe) for p in _by_turn(group, turns)]
        optimizer = _by_name(model, recipe, groups)
        if recipe.l2_sp is not None:
            _pull_back(optimizer, model, recipe.l2_sp)
    return optimizer


def _by_name(
    model: Classifier, recipe: TrainingRecipe, groups: list[dict[str, Any]]
) -> torch.optim.Optimizer:
    import torch

    # torch has no fused optimizers on Apple's devices for every type; the default is right there.
    fused = next(model.parameters()).device.type in ("cpu", "cuda") or None
    match recipe.optimizer:
        case "sgd":
            return torch.optim.SGD(
                groups,
                momentum=recipe.momentum,
                nesterov=recipe.nesterov and recipe.momentum > 0,
                weight_decay=recipe.weight_decay,
                fused=fused,
            )
        case "adam":
            return torch.optim.Adam(groups, weight_decay=recipe.weight_decay, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=fused)
        case "muon":
            from graft.training.muon import MuonAndAdamW

            return MuonAndAdamW(groups, recipe, fused=fused)
    raise GraftError(
        f"training.optimizer: '{recipe.optimizer}' is not one of {', '.join(OPTIMIZERS)}."
    )


def parameter_groups(model: Classifier, recipe: TrainingRecipe) -> list[dict[str, Any]]:
    """The trainable parameters with their peak learning rates: the head's first.

    Then come the backbone's, and those of each stage that the recipe gives a rate of its own. For
    Muon, "muon" says of each group whether it is that optimizer's.

    Raises:
        GraftError: The recipe gives a rate to a stage that the network does not have or train, or
            the network trains nothing that Muon is for.
    """
    own = {name: _learning(model, name) for name in recipe.stage_learning_rates}
    taken = {id(parameter) for stage in own.values() for parameter in stage}
    rest = [p for p in model.backbone_parameters() if id(p) not in taken]
    head = _group(model.head.parameters(), recipe, 1.0)
    backbone = [
        _group(rest, recipe, recipe.backbone_learning_rate_factor),
        *(_group(own[name], recipe, recipe.stage_learning_rates[name]) for name in own),
    ]
    if recipe.l2_sp is not None:  # it takes the place of the penalty towards zero
        backbone = [{**group, "weight_decay": 0.0} for group in backbone]
    groups = [group for group in (head, *backbone) if group["params"]]
    if not recipe.weight_decay_on_norms:
        groups = [part for group in groups for part in _without_decay_on_norms(group)]
    return _matrices_apart(model, groups) if recipe.optimizer == "muon" else groups


def require_trainable(model: Classifier, recipe: TrainingRecipe, *, is_pretrained: bool) -> None:
    """Check a recipe against a network that is frozen as its training begins.

    Raises:
        GraftError: Rates or unfreezing of stages that there are not, an optimizer for what the
            network does not have, or a penalty towards pretrained weights where it has none.
    """
    require_unfreezing(model, recipe)
    with unfrozen_at_last(model, recipe):
        parameter_groups(model, recipe)
    if recipe.l2_sp is not None and not is_pretrained:
        raise GraftError(
            "training.l2_sp: it keeps a network near its pretrained weights, and model.weights is "
            "none. Set it to null; training.weight_decay is the penalty towards zero."
        )


def _group(parameters: Iterable[nn.Parameter], recipe: TrainingRecipe, factor: float) -> Any:
    return {"params": list(parameters), "lr": recipe.learning_rate * factor}


def _without_decay_on_norms(group: dict[str, Any]) -> list[dict[str, Any]]:
    weights = [parameter for parameter in group["params"] if parameter.ndim > 1]
    others = [parameter for parameter in group["params"] if parameter.ndim <= 1]
    parts = [{**group, "params": weights}, {**group, "params": others, "weight_decay": 0.0}]
    return [part for part in parts if part["params"]]


def _by_turn(group: dict[str, Any], turns: dict[int, int]) -> list[dict[str, Any]]:
    """Parts that join together: torch's fused SGD wants momenta of all of a group, or of none."""
    found = sorted({turns[id(parameter)] for parameter in group["params"]})
    members = [[p for p in group["params"] if turns[id(p)] == turn] for turn in found]
    return [{**group, "params": parameters} for parameters in members]


def _matrices_apart(model: Classifier, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups, each divided into what Muon changes ("muon": True) and what AdamW does.

    Muon is for the matrices between the layers: not for the head (Jordan et al. 2024), and torch's
    not for filters.
    """
    head = {id(parameter) for parameter in model.head.parameters()}
    apart = []
    for group in groups:
        matrices = [p for p in group["params"] if p.ndim == 2 and id(p) not in head]
        chosen = {id(parameter) for parameter in matrices}
        others = [parameter for parameter in group["params"] if id(parameter) not in chosen]
        apart.append({**group, "params": others, "muon": False})
        apart.append({**group, "params": matrices, "muon": True})
    if not any(group["muon"] and group["params"] for group in apart):
        raise GraftError(
            f"training.optimizer: muon is for matrices, and {model.spec.name} trains none outside "
            "its head. Take adamw, or a transformer without model.lora_rank."
        )
    return [group for group in apart if group["params"]]


def _pull_back(optimizer: torch.optim.Optimizer, model: Classifier, strength: float) -> None:
    """L2-SP (Li et al. 2018): a penalty of strength / 2 · ‖w - w₀‖² on a pretrained backbone.

    Its gradient is added after clipping, for every optimizer to the loss's: also for those whose
    weight decay is decoupled. w₀ are the parameters as they are now; what is changed by a low rank
    is as far from its own as that change is large.
    """
    import torch

    from graft.models.lora import LowRank

    changes = [module for module in model.net.modules() if isinstance(module, LowRank)]
    factors = {id(factor) for change in changes for factor in change.parameters()}
    parameters = [p for p in model.backbone_parameters() if id(p) not in factors]
    start = [parameter.detach().clone() for parameter in parameters]

    def add_penalty(*_: object) -> None:
        for parameter, origin in zip(parameters, start, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(parameter.detach() - origin, alpha=strength)
        for change in changes:
            if change.up.grad is not None and change.down.grad is not None:
                up, down, share = change.up, change.down, strength * change.scale**2
                pulled = up @ (down @ down.mT), (up.mT @ up) @ down
                change.up.grad.add_(pulled[0], alpha=share)
                change.down.grad.add_(pulled[1], alpha=share)

    optimizer.register_step_pre_hook(torch.no_grad()(add_penalty))


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
