"""Features from a backbone, tapped where one wants them.

A tap is "pooled" (what goes into the head), "logits" (the last layer's outputs), or the name of
a stage, whose output is averaged over its positions, or over each cell of a grid of them: where
in the picture a stroke lies is lost to an average over all of it. Several taps are put side by
side. With ImageNet weights the "logits" are the 1000 outputs that one report trains its SVM on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.errors import GraftError
from graft.models.folding import fold_batch_norms
from graft.probes.feature_cache import Computed, cache_key, pixel_digests, recall
from graft.training.batches import images_at_once

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.images.store import ImageStore, Indices
    from graft.models.classifier import Classifier
    from graft.probes.feature_cache import FeatureCache

_PROBED = 8  # images that show which batch norms can be folded


@dataclass(frozen=True)
class Features:
    """Features of the images of a store, in its order, unused ones left out.

    Attributes:
        matrix: float32 (N, D).
        ids: str (N,), as in the store's manifest.
        labels: int64 (N,), positions in `class_names`; of a multi-label task int8 (N, K), 1
            present, 0 absent, -1 not counted.
        splits: str (N,): "train", "validation" or "test".
        class_names: The classes.
        metadata: JSON types: backbone, taps, grid, columns of each tap, and the seconds that it
            took to compute them, now or when they became known to a cache.
    """

    matrix: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    class_names: tuple[str, ...]
    metadata: dict[str, Any] = field(default_factory=dict)

    def of(self, *splits: str) -> Features:
        """The features of some splits only."""
        rows = np.isin(self.splits, splits)
        return Features(
            self.matrix[rows],
            self.ids[rows],
            self.labels[rows],
            self.splits[rows],
            self.class_names,
            self.metadata,
        )


def extract_features(
    model: Classifier,
    store: ImageStore,
    taps: Sequence[str],
    compute: Compute,
    *,
    grid: int = 1,
    batch_size: int | None = None,
    splits: Sequence[str] = ("train", "validation", "test"),
    cache: FeatureCache | None = None,
) -> Features:
    """Run images through a network, never augmented, and keep what the taps give.

    Args:
        model: A classifier; its head matters only to the tap "logits".
        store: The images.
        taps: "pooled", "logits" or names of stages.
        compute: Device and precision.
        grid: Cells a side that the output of a stage is averaged over: a stage of D channels
            gives grid² · D columns. The other taps and class tokens have no positions.
        batch_size: Images at a time; None for what suits the device.
        splits: Which images.
        cache: Where features of the same network and pixels may be known; or None.

    Raises:
        GraftError: An unknown tap; the message lists the known ones.
    """
    require_taps(model, taps)
    manifest = store.manifest
    rows = np.flatnonzero(manifest["split"].isin(splits).to_numpy())

    def compute_rows(places: Indices) -> Computed:
        at_once = batch_size or images_at_once(model, store, compute)
        return _compute(model, store, rows[places], taps, compute, grid, at_once)

    if cache is None:
        found = compute_rows(np.arange(len(rows)))
    else:
        key = cache_key(model, taps, grid, compute)
        found = recall(cache, key, pixel_digests(store.images, rows), compute_rows)
    return Features(
        matrix=found.matrix,
        ids=manifest["id"].to_numpy(dtype=str)[rows],
        labels=store.targets[rows],
        splits=manifest["split"].to_numpy(dtype=str)[rows],
        class_names=store.class_names,
        metadata={
            "data": store.digest,
            "backbone": model.spec.name,
            "taps": list(taps),
            "grid": grid,
            "columns": found.columns,
            "seconds": found.seconds,
        },
    )


def _compute(
    model: Classifier,
    store: ImageStore,
    rows: Indices,
    taps: Sequence[str],
    compute: Compute,
    grid: int,
    batch_size: int,
) -> Computed:
    """Features of some of a store's images, by the network itself."""
    import torch

    from graft.progress import track

    def tapped(network: Classifier, images: torch.Tensor) -> torch.Tensor:
        outputs = tap_outputs(network, images, taps, grid)
        widths.update({tap: output.shape[1] for tap, output in outputs.items()})
        return torch.cat([outputs[tap].float() for tap in taps], dim=1)

    def pixels(chunk: Indices) -> torch.Tensor:
        images = torch.from_numpy(np.ascontiguousarray(store.images[chunk]))
        return images.to(compute.device).permute(0, 3, 1, 2)

    started = time.perf_counter()
    compute.place(model)
    model.eval()
    chunks = np.array_split(rows, max(1, -(-len(rows) // batch_size)))
    parts: list[np.ndarray] = []
    widths: dict[str, int] = {}
    network = fold_batch_norms(model, pixels(rows[:_PROBED]), tapped)
    with torch.inference_mode(), compute.autocast():
        for chunk in track(chunks, "Extracting features", total=len(chunks)):
            parts.append(tapped(network, pixels(chunk)).cpu().numpy())
    compute.synchronize()
    return Computed(np.concatenate(parts), widths, time.perf_counter() - started)


def tap_outputs(
    model: Classifier, images: torch.Tensor, taps: Iterable[str], grid: int = 1
) -> dict[str, torch.Tensor]:
    """One forward pass; what each tap saw, pooled to (B, D), stages to (B, grid² · D)."""
    taps = tuple(taps)
    stages = model.spec.stages(model.net)
    seen: dict[str, torch.Tensor] = {}

    def watch(tap: str) -> Any:
        if tap == "pooled":
            return model.head.register_forward_pre_hook(
                lambda _, inputs: seen.update({tap: inputs[0]})
            )
        module = model.net.get_submodule(stages[tap][-1])
        # A later in-place ReLU would change what was seen, hence the pooling right away.
        return module.register_forward_hook(
            lambda _module, _inputs, output: seen.update(
                {tap: _pool(output, model.spec.layout, grid)}
            )
        )

    handles = [watch(tap) for tap in taps if tap != "logits"]
    try:
        logits = model(images)
    finally:
        for handle in handles:
            handle.remove()
    seen["logits"] = logits
    # The pooled tap has nothing left to pool but where the head is a convolution (SqueezeNet).
    return {tap: _pool(seen[tap], "NCHW" if tap == "pooled" else model.spec.layout) for tap in taps}


def _pool(output: torch.Tensor, layout: str, grid: int = 1) -> torch.Tensor:
    """(B, D, H, W), (B, H, W, D), (B, positions, D) or (B, D) to (B, columns)."""
    import torch

    if output.ndim == 4:
        positions_last = output.permute(0, 3, 1, 2) if layout == "NHWC" else output
        cells = torch.nn.functional.adaptive_avg_pool2d(positions_last, grid)
        return cells.flatten(1)
    if output.ndim == 3:  # (B, positions, D): the class token where there is one
        return output[:, 0] if layout == "tokens" else output.mean(dim=1)
    return output


def require_taps(model: Classifier, taps: Sequence[str]) -> None:
    """Check that a classifier has these taps.

    Raises:
        GraftError: It has not, or there are none; the message lists the known ones.
    """
    known = ("pooled", "logits", *model.stage_names())
    unknown = [tap for tap in taps if tap not in known]
    if unknown or not taps:
        raise GraftError(
            f"features.taps: {model.spec.name} has no tap '{(unknown or ['(none)'])[0]}'. "
            f"It has {', '.join(known)}."
        )
