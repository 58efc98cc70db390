"""Listings of images that lie in memory, for the tests."""

from __future__ import annotations

from typing import Any

import pandas as pd

from graft.images.listing import ImageListing


def listing_of(
    contents: dict[str, Any], labels: tuple[str, ...] = ("cat", "dog"), **states: str
) -> ImageListing:
    """Labels in turn; an id's content is bytes, an array, or an exception that reading raises.

    Keywords are states of images, which are "" where nothing is said.
    """

    def read(image_id: str) -> Any:
        content = contents[image_id]
        if isinstance(content, BaseException):
            raise content
        return content

    records = pd.DataFrame(
        {
            "id": list(contents),
            "label": [labels[number % len(labels)] for number in range(len(contents))],
            "split": None,
            "state": [states.get(image, "") for image in contents],
        }
    )
    return ImageListing("test", records, labels, read)
