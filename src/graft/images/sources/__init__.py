"""The registry of image sources: one small file each, found by name."""

from __future__ import annotations

import difflib

from graft.errors import GraftError
from graft.images.listing import SourceSpec
from graft.images.sources import cifar10, digits, folder

SOURCES: dict[str, SourceSpec] = {
    spec.name: spec for spec in (digits.SPEC, folder.SPEC, cifar10.SPEC)
}


def list_sources() -> list[str]:
    """Every name that `source.name` may have.

    >>> list_sources()
    ['cifar10', 'digits', 'folder']
    """
    return sorted(SOURCES)


def get_source(name: str) -> SourceSpec:
    """The source of that name.

    Raises:
        GraftError: There is none; the message names the nearest.
    """
    if name in SOURCES:
        return SOURCES[name]
    near = difflib.get_close_matches(name, SOURCES, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise GraftError(
        f"source.name: there is no source '{name}'.{hint} Sources: {', '.join(list_sources())}."
    )
