"""Nodes of `augmentation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.training.views import View

PREVIEWED_IMAGES = 6
EPOCHS = 7


def preview_augmentation(
    image_store: ImageStore, augmentation: dict[str, Any], seed: int
) -> Figure:
    """Some training images as they are, and as they look in the first epochs."""
    import numpy as np
    import torch

    from graft.compute import Compute
    from graft.evaluation.figures import augmentation_preview
    from graft.images.augmentation import policy_from_parameters
    from graft.images.conversion import to_bytes
    from graft.images.store import sample_per_class
    from graft.training.batches import Batches
    from graft.training.views import TrainingViews

    policy = policy_from_parameters(augmentation)
    rows = sample_per_class(image_store, "train", at_most=PREVIEWED_IMAGES, seed=seed)
    cpu = Compute("cpu", "fp32", threads=1)
    train = Batches(image_store, "train", len(rows), cpu, resident=False)
    views = TrainingViews(train, policy, seed, image_store.num_classes)
    seen = [views.look_at(torch.from_numpy(rows), epoch) for epoch in range(1, EPOCHS + 1)]
    pixels = torch.stack([to_bytes(view.images) for view in seen], dim=1)
    captions = [_captions(image_store, view) for view in seen] if policy.mixes else None
    name = augmentation["policy"]
    return augmentation_preview(
        np.ascontiguousarray(image_store.images[rows]),
        pixels.permute(0, 1, 3, 4, 2).numpy(),
        image_store.captions(rows),
        list(zip(*captions, strict=True)) if captions else None,
        heading=f"{name}: {policy.describe()}" if isinstance(name, str) else policy.describe(),
    )


def _captions(image_store: ImageStore, view: View) -> list[str]:
    """What is mixed into each image of a view: "62 % + 38 % dog"."""
    from graft.evaluation.figures.images import shorten

    assert view.partners is not None
    assert view.shares is not None
    partners = image_store.captions(view.partners.numpy())
    return [
        f"{100 * share:.0f} % + {100 - 100 * share:.0f} % {shorten(partner, 9)}"
        for share, partner in zip(view.shares.tolist(), partners, strict=True)
    ]
