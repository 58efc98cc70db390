"""Features that are known already, by what they were made from.

A key names the network and how it was asked; below it lie the features of images, by their pixels.
Neither labels nor parts come in: another choice of training images computes what is new to it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from graft.compute import Compute
    from graft.images.listing import Pixels
    from graft.images.store import Indices
    from graft.models.classifier import Classifier

logger = logging.getLogger(__name__)

VERSION = 1  # to be raised with each change of extraction that changes a feature
_LIBRARIES = ("torch", "torchvision", "timm")  # whose networks may change with them


@dataclass(frozen=True)
class KnownFeatures:
    """Features of some images under one key.

    Attributes:
        digests: uint8 (N, 32), the SHA-256 of each image's shape and pixels, each once.
        matrix: float32 (N, D).
        seconds: float32 (N,), what it took to compute each.
        columns: How many columns each tap has, in their order.
    """

    digests: np.ndarray
    matrix: np.ndarray
    seconds: np.ndarray
    columns: dict[str, int]

    @property
    def bytes_of_each(self) -> int:
        """What an image takes."""
        return int(sum(part[:1].nbytes for part in (self.digests, self.matrix, self.seconds)))

    def find(self, digests: np.ndarray) -> Indices:
        """int64: where these digests (M, 32) are; -1 for those that are not there."""
        places = {digest.tobytes(): place for place, digest in enumerate(self.digests)}
        return np.array([places.get(d.tobytes(), -1) for d in digests], dtype=np.int64)

    def take(self, places: Indices | slice) -> KnownFeatures:
        """Some of them."""
        return KnownFeatures(
            self.digests[places], self.matrix[places], self.seconds[places], self.columns
        )

    def join(self, others: KnownFeatures) -> KnownFeatures:
        """These, and then those of others that are not among them."""
        new = others.take(np.flatnonzero(self.find(others.digests) < 0))
        return KnownFeatures(
            np.concatenate([self.digests, new.digests]),
            np.concatenate([self.matrix, new.matrix]),
            np.concatenate([self.seconds, new.seconds]),
            self.columns,
        )


class Computed(NamedTuple):
    """Features of images one by one: float32 (N, D), the columns of each tap, and seconds."""

    matrix: np.ndarray
    columns: dict[str, int]
    seconds: float


class FeatureCache(Protocol):
    """Where features are kept: a folder, behind the catalog."""

    def get(self, key: str) -> KnownFeatures | None:
        """What is known under a key, unchanged since it was put there; None if nothing is."""

    def put(self, key: str, features: KnownFeatures) -> None:
        """Keep this in the place of what was known under a key, the first images before others."""


def cache_key(model: Classifier, taps: Sequence[str], grid: int, compute: Compute) -> str:
    """64 hexadecimal digits: another network, input or precision has others.

    Args:
        model: With its weights; those of the head count only where the tap "logits" is read.
        taps: As for `graft.probes.extraction.extract_features`.
        grid: Likewise.
        compute: Its device's kind and its precision count, not the number of threads.
    """
    described = {
        "version": VERSION,
        "libraries": {name: _installed(name) for name in _LIBRARIES},
        "backbone": model.spec.name,
        "options": dict(model.options),
        "input_size": model.input_size,
        "mean": model.mean.flatten().tolist(),
        "std": model.std.flatten().tolist(),
        "taps": list(taps),
        "grid": grid,
        "device": compute.device.split(":")[0],
        "precision": compute.precision,
    }
    found = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name, tensor in sorted(model.net.state_dict().items()):
        if "logits" in taps or not name.startswith(f"{model.spec.head}."):
            values = tensor.detach().cpu().contiguous()
            found.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            found.update(values.numpy().tobytes())
    return found.hexdigest()


def recall(
    cache: FeatureCache,
    key: str,
    digests: np.ndarray,
    compute: Callable[[Indices], Computed],
) -> Computed:
    """What is known, and the rest computed and kept for the next time.

    Args:
        cache: Where features are kept.
        key: Of `cache_key`.
        digests: uint8 (N, 32), the images: see `pixel_digests`.
        compute: Gives the features of the images at some positions in `digests`.

    Returns:
        Features of all N; their seconds are those that it took to compute them once.
    """
    known = cache.get(key)
    missing = _first_of_each(digests, known)
    logger.info("Features of %d of %d images are known.", len(digests) - len(missing), len(digests))
    if len(missing):
        matrix, columns, seconds = compute(missing)
        share = np.full(len(missing), seconds / len(missing), dtype=np.float32)
        new = KnownFeatures(digests[missing], matrix, share, columns)
        if known is not None:
            places = known.find(digests)
            used = np.unique(places[places >= 0])
            new = new.join(known.take(used)).join(known)
        known = new
        cache.put(key, known)
    assert known is not None
    found = known.find(digests)
    once = known.take(np.unique(found))
    return Computed(known.matrix[found], known.columns, float(once.seconds.sum()))


def pixel_digests(images: Pixels, rows: Indices) -> np.ndarray:
    """uint8 (N, 32): the SHA-256 of the shape and the pixels of some images."""
    shape = hashlib.sha256(str(images.shape[1:]).encode())
    digests = np.empty((len(rows), 32), dtype=np.uint8)
    for place, row in enumerate(rows):
        found = shape.copy()
        found.update(images[row].tobytes())
        digests[place] = np.frombuffer(found.digest(), dtype=np.uint8)
    return digests


def _first_of_each(digests: np.ndarray, known: KnownFeatures | None) -> Indices:
    """Positions of the images that are not known, each image once."""
    seen = set() if known is None else {digest.tobytes() for digest in known.digests}
    missing = []
    for place, digest in enumerate(digests):
        if (content := digest.tobytes()) not in seen:
            seen.add(content)
            missing.append(place)
    return np.array(missing, dtype=np.int64)


def _installed(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
