"""Pretrained weights as an entry of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset

if TYPE_CHECKING:
    from graft.models.weights import BackboneWeights


class BackboneWeightsDataset(LoadOnlyDataset["BackboneWeights | None"]):
    """The weights that `model.weights` names, or None for a network without any.

    backbone_weights:
      type: graft.datasets.BackboneWeightsDataset
      backbone: resnet20_cifar
      weights: shipped
    """

    def __init__(
        self, *, backbone: str, weights: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """
        Args:
            backbone: A name of `graft.models.backbones.list_backbones()`.
            weights: "none", "shipped", a name of torchvision's weights, or a file.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._backbone = backbone
        self._weights = weights
        self.metadata = metadata

    def load(self) -> BackboneWeights | None:
        from graft.models.weights import load_weights

        return load_weights(self._backbone, self._weights)

    def _describe(self) -> dict[str, Any]:
        return {"backbone": self._backbone, "weights": self._weights}
