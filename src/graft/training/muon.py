"""Muon for matrices, AdamW for all other parameters: one optimizer for whoever uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch

if TYPE_CHECKING:
    from graft.training.recipe import TrainingRecipe


class MuonAndAdamW(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) moves a matrix by its momentum made orthogonal.

    Its steps are scaled to those that AdamW would take (Liu et al. 2025), so that one learning
    rate and one weight decay are right for both.

    Args:
        groups: Parameters with "lr" and "muon": whether they are matrices that Muon changes.
        recipe: Momentum, Nesterov (both of Muon) and weight decay (decoupled).
        fused: Whether AdamW's kernels are; None leaves that to torch.
    """

    def __init__(
        self, groups: list[dict[str, Any]], recipe: TrainingRecipe, *, fused: bool | None = None
    ) -> None:
        matrices = [group for group in groups if group["muon"]]
        others = [group for group in groups if not group["muon"]]
        self._muon = torch.optim.Muon(
            matrices,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            weight_decay=recipe.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self._adamw = torch.optim.AdamW(others, weight_decay=recipe.weight_decay, fused=fused)
        # The two have completed the groups with constants of their own.
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Both step; they see this optimizer's groups and state, whatever was loaded into it."""
        for inner, is_muon in ((self._muon, True), (self._adamw, False)):
            optimizer = cast("torch.optim.Optimizer", inner)
            optimizer.param_groups = [g for g in self.param_groups if g["muon"] == is_muon]
            optimizer.state = self.state
            optimizer.step(closure)
