"""Find images that are there twice, exactly or nearly, as they are or mirrored.

Exact duplicates have the same pixels in the image store. Near ones are alike in both of their
fingerprints (`graft.images.fingerprints`): thumbnails that correlate and hashes a few bits apart.
What was measured, both at 32x32 pixels:

* Copies of 1,500 images of CIFAR-10: 99 % are found again after JPEG at quality 75 and 99.9 %
  after halving the size, 99.8 % when 20 steps brighter, 94 % after a crop of one pixel a side, but
  43 % after a shift by one pixel.
* CIFAR-10's own 1.8 billion pairs: 1,127 are reported, all of one class each, where chance would
  give one in ten. Nearly all are the same photograph to the eye, the least alike the same scene.
* scikit-learn's digits. Unrelated ones correlate up to 0.996 and have hashes 4 bits apart, since
  black margins are alike everywhere: 3,800 pairs would be false alarms. Hence a hash counts only
  as far as it tells *this* collection's images apart (`selective_distance`); beyond, thumbnails
  have to agree almost perfectly. No pair of digits is reported then.

Blank images are duplicates only if their pixels are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.images.arrays import SelectedImages, in_chunks
from graft.images.correlated import correlated_pairs
from graft.images.fingerprints import CELLS, Fingerprints, fingerprint, hamming

if TYPE_CHECKING:
    import pandas as pd

    from graft.images.arrays import ImageArray
    from graft.images.fingerprints import Floats, Hashes

# To be raised by whoever changes what is found: pairs on disk are then looked for anew.
RULE = 1
MAX_DISTANCE = 64  # bits of 256; unrelated photographs are 128 ± 11 apart
MIN_CORRELATION = 0.95
SAME_CORRELATION = 0.998  # enough by itself, where hashes tell nothing
DEVIATIONS = 5  # that a distance has to stand out from those of unrelated images
SAMPLED_PAIRS = 20_000

PAIR_COLUMNS = {
    "group": "int64",
    "id_a": "object",
    "id_b": "object",
    "label_a": "object",
    "label_b": "object",
    "distance": "int64",
    "correlation": "float64",
    "kind": "object",
    "mirrored": "bool",
    "labels_differ": "bool",
}
SIDES = ("id_a", "id_b")
NOT_IN_USE = ("unused", "dropped")


@dataclass(frozen=True, eq=False)
class DuplicateSearch:
    """What is to be compared; nothing is before `run` is asked for.

    Attributes:
        images: uint8 (N, H, W, 3); may be memory-mapped.
        records: Row i describes images[i]; columns `id` (unique) and `label`.
    """

    images: ImageArray
    records: pd.DataFrame

    @property
    def digest(self) -> str:
        """Names the pixels, ids and labels, and the rule: 64 hexadecimal digits."""
        found = hashlib.sha256(f"{RULE} {self.images.shape}".encode())
        for column in ("id", "label"):
            found.update("\0".join(self.records[column]).encode())
        for _, chunk in in_chunks(self.images):
            found.update(np.ascontiguousarray(chunk).data)
        return found.hexdigest()

    def run(self) -> pd.DataFrame:
        """As `find_duplicates`."""
        return find_duplicates(self.images, self.records)


def find_duplicates(
    images: ImageArray, records: pd.DataFrame, *, max_distance: int = MAX_DISTANCE
) -> pd.DataFrame:
    """All pairs of near-duplicates, and of exact ones each with the first of its kind.

    Every pair is looked at, in blocks: memory grows with N, time with its square (60,000 images
    take 7 s of a processor, four times as many sixteen times as long).

    Args:
        images: uint8 (N, H, W, 3); may be memory-mapped.
        records: Row i describes images[i]; columns `id` (unique) and `label`.
        max_distance: Hashes of near-duplicates differ in at most so many of 256 bits.

    Returns:
        A row a pair, sorted, whatever the order of the images: `group` (pairs that hang together
        have the same number, from 0), `id_a` < `id_b`, `label_a`, `label_b`, `distance` (bits),
        `correlation` (of the thumbnails), `kind` ("exact" or "near"), `mirrored` (b is a's mirror
        image) and `labels_differ`.
    """
    import pandas as pd

    ids, labels = records["id"].tolist(), records["label"].tolist()
    in_order = sorted(range(len(ids)), key=ids.__getitem__)
    first_of = _first_with_the_same_pixels(images, in_order)
    rows = [(first, other, 0, 1.0, "exact", False) for other, first in first_of.items()]

    distinct = np.array([row for row in in_order if row not in first_of], dtype=np.int64)
    prints = fingerprint(SelectedImages(images, distinct))
    for i, j, distance, correlation, mirrored in _near_pairs(prints, max_distance):
        a, b = int(distinct[i]), int(distinct[j])
        flipped = images[b][:, ::-1] if mirrored else images[b]
        kind = "exact" if np.array_equal(images[a], flipped) else "near"
        rows.append((a, b, distance, correlation, kind, mirrored))

    rows.sort(key=lambda row: (ids[row[0]], ids[row[1]], row[5]))
    group_of = _number_groups((a, b) for a, b, *_ in rows)
    found = [
        (group_of[a], ids[a], ids[b], labels[a], labels[b], *rest, labels[a] != labels[b])
        for a, b, *rest in rows
    ]
    return pd.DataFrame(found, columns=list(PAIR_COLUMNS)).astype(PAIR_COLUMNS)


def selective_distance(hashes: Hashes, max_distance: int) -> int:
    """Up to which distance hashes tell this collection's images apart; at most `max_distance`.

    Five robust standard deviations below the median distance of any two images: about 70 for
    photographs; below 0 (equal hashes tell nothing either) for digits on black.

    Args:
        hashes: uint64 (N, 4), of different images.
        max_distance: The upper limit, in bits.
    """
    count = len(hashes)
    if count < 3:  # a single distance has no spread
        return max_distance
    if count * (count - 1) // 2 <= SAMPLED_PAIRS:
        a, b = np.triu_indices(count, k=1)
    else:
        rng = np.random.default_rng(0)
        a = rng.integers(0, count, SAMPLED_PAIRS)
        b = (a + rng.integers(1, count, SAMPLED_PAIRS)) % count
    lower, median = np.quantile(hamming(hashes[a], hashes[b]), [0.25, 0.5])
    deviation = (median - lower) / 0.6745  # a normal distribution's quartile
    return min(max_distance, int(np.floor(median - DEVIATIONS * deviation)))


def add_splits(pairs: pd.DataFrame, splits: dict[str, str]) -> pd.DataFrame:
    """The pairs with `split_a`, `split_b` and `across_splits`.

    Args:
        pairs: As `find_duplicates` returns them.
        splits: From id to part; an image that is not there was dropped.

    Returns:
        A copy. `across_splits` is true where the parts differ and both are in use.
    """
    split_a, split_b = (pairs[side].map(lambda i: splits.get(i, "dropped")) for side in SIDES)
    in_use = ~(split_a.isin(NOT_IN_USE) | split_b.isin(NOT_IN_USE))
    return pairs.assign(
        split_a=split_a, split_b=split_b, across_splits=((split_a != split_b) & in_use).astype(bool)
    )


def summarise_duplicates(pairs: pd.DataFrame) -> dict[str, int]:
    """Counts for the dataset card.

    Args:
        pairs: As `add_splits` returns them.

    Returns:
        `pairs`, `exact_pairs`, `mirrored_pairs`, `pairs_across_splits`,
        `pairs_with_different_labels`, `groups`, `images` (in any pair) and
        `test_images_seen_in_training` (whose group has a training image).
    """
    parts_of: dict[int, set[str]] = {}
    tested: dict[str, int] = {}
    images: set[str] = set()
    for row in pairs.itertuples():
        for image, part in ((row.id_a, row.split_a), (row.id_b, row.split_b)):
            parts_of.setdefault(int(row.group), set()).add(part)
            images.add(str(image))
            if part == "test":
                tested[str(image)] = int(row.group)
    return {
        "pairs": len(pairs),
        "exact_pairs": int((pairs["kind"] == "exact").sum()),
        "mirrored_pairs": int(pairs["mirrored"].sum()),
        "pairs_across_splits": int(pairs["across_splits"].sum()),
        "pairs_with_different_labels": int(pairs["labels_differ"].sum()),
        "groups": len(parts_of),
        "images": len(images),
        "test_images_seen_in_training": sum("train" in parts_of[g] for g in tested.values()),
    }


def _first_with_the_same_pixels(images: ImageArray, in_order: list[int]) -> dict[int, int]:
    """From each later copy to the first image with its pixels."""
    first: dict[bytes, int] = {}
    copies = {}
    for row in in_order:
        digest = hashlib.sha256(np.ascontiguousarray(images[row]).data).digest()
        if first.setdefault(digest, row) != row:
            copies[row] = first[digest]
    return copies


def _near_pairs(
    prints: Fingerprints, max_distance: int
) -> Iterator[tuple[int, int, int, float, bool]]:
    """Pairs, the earlier first: positions, distance, correlation, mirrored."""
    hashes, thumbnails = prints.hashes, prints.thumbnails
    selective = selective_distance(hashes, max_distance)
    least = MIN_CORRELATION if selective >= 0 else SAME_CORRELATION
    flat = _flatten(thumbnails)
    for mirrored in (False, True):
        other_hashes = prints.mirrored_hashes if mirrored else hashes
        other_flat = _flatten(thumbnails[:, :, ::-1]) if mirrored else flat
        for a, b in correlated_pairs(flat, other_flat, least):
            distance = hamming(hashes[a], other_hashes[b])
            close = distance <= max_distance
            a, b, distance = a[close], b[close], distance[close]
            products = flat[a].astype(np.float64) * other_flat[b]
            correlation = products.sum(axis=1).round(5)
            near = (distance <= selective) & (correlation >= MIN_CORRELATION)
            near |= correlation >= SAME_CORRELATION
            for k in np.flatnonzero(near):
                yield int(a[k]), int(b[k]), int(distance[k]), float(correlation[k]), mirrored


def _flatten(thumbnails: Floats) -> Floats:
    return np.ascontiguousarray(thumbnails).reshape(len(thumbnails), CELLS * CELLS * 3)


def _number_groups(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """From each image of the pairs to the number of its group, in the order they appear."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for a, b in pairs:
        parent[root(b)] = root(a)
    numbers: dict[int, int] = {}
    found: dict[Any, int] = {}
    for node in list(parent):
        found[node] = numbers.setdefault(root(node), len(numbers))
    return found
