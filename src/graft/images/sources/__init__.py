"""The registry of image sources: one small file each, found by name."""

from __future__ import annotations

from graft.errors import GraftError, did_you_mean
from graft.images.sources import (
    cifar10,
    cifar100,
    digits,
    eurosat,
    fashion_mnist,
    flowers5,
    flowers102,
    folder,
    food101,
    inaturalist12k,
    manifest,
    mnist,
    oxford_pets,
    voc2007,
)
from graft.images.sources.spec import SourceSpec

SOURCES: dict[str, SourceSpec] = {
    spec.name: spec
    for spec in (
        digits.SPEC,
        folder.SPEC,
        manifest.SPEC,
        mnist.SPEC,
        fashion_mnist.SPEC,
        cifar10.SPEC,
        cifar100.SPEC,
        eurosat.SPEC,
        flowers5.SPEC,
        flowers102.SPEC,
        food101.SPEC,
        inaturalist12k.SPEC,
        oxford_pets.SPEC,
        voc2007.SPEC,
    )
}


def list_sources() -> list[str]:
    """Every name that `source.name` may have.

    >>> list_sources()[:3]
    ['cifar10', 'cifar100', 'digits']
    """
    return sorted(SOURCES)


def get_source(name: str) -> SourceSpec:
    """The source of that name.

    Raises:
        GraftError: There is none; the message names the nearest.
    """
    if name in SOURCES:
        return SOURCES[name]
    raise GraftError(
        f"source.name: there is no source '{name}'{did_you_mean(name, SOURCES)}. "
        f"Sources: {', '.join(list_sources())}."
    )
