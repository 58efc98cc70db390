"""The pretrained weights of several backbones as one entry of the catalog."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset

if TYPE_CHECKING:
    from graft.models.weights import BackboneWeights


class CandidateWeightsDataset(LoadOnlyDataset["list[Callable[[], BackboneWeights | None]]"]):
    """For each candidate a function that loads its weights, so that one lies in memory at a time.

    candidate_weights:
      type: graft.datasets.CandidateWeightsDataset
      candidates: [{backbone: resnet20_cifar, weights: shipped}]
    """

    def __init__(
        self, *, candidates: list[dict[str, Any]], metadata: dict[str, Any] | None = None
    ) -> None:
        """
        Args:
            candidates: Each with `backbone` and `weights`, as of `BackboneWeightsDataset`.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._candidates = candidates
        self.metadata = metadata

    def load(self) -> list[Callable[[], BackboneWeights | None]]:
        from graft.models.weights import load_weights

        return [
            partial(load_weights, candidate["backbone"], candidate["weights"])
            for candidate in self._candidates
        ]

    def _describe(self) -> dict[str, Any]:
        return {"candidates": self._candidates}
