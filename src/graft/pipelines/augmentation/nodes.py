"""Nodes of `augmentation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore

PREVIEWED_IMAGES = 6
VERSIONS = 7


def preview_augmentation(
    image_store: ImageStore, augmentation: dict[str, Any], seed: int
) -> Figure:
    """Some training images as they are, and as they look in the first epochs."""
    import numpy as np
    import torch

    from graft.evaluation.figures import augmentation_preview
    from graft.images.augment import AugmentationPolicy, augment
    from graft.images.store import sample_per_class

    rows = sample_per_class(image_store, "train", at_most=PREVIEWED_IMAGES, seed=seed)
    originals = np.ascontiguousarray(image_store.images[rows])
    batch = torch.from_numpy(originals).permute(0, 3, 1, 2).float() / 255
    policy = AugmentationPolicy(**augmentation)
    versions = [
        augment(batch, torch.from_numpy(rows), policy, seed, epoch)
        for epoch in range(1, VERSIONS + 1)
    ]
    pixels = (torch.stack(versions, dim=1) * 255).round().byte().permute(0, 1, 3, 4, 2).numpy()
    names = [image_store.class_names[i] for i in image_store.manifest["class_index"].iloc[rows]]
    return augmentation_preview(originals, pixels, names)
