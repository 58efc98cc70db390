"""Arrays with a JSON description in one safetensors file, which nothing can hide code in.

The format is a header (names, shapes, dtypes and a map of texts) and raw numbers. Our description
is the text under the key `graft`, the same that the weights shipped with Graft carry.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graft.errors import GraftError

HEADER_KEY = "graft"


def header(description: dict[str, Any]) -> dict[str, str]:
    """The map of texts that describes a file; equal descriptions give equal bytes."""
    return {HEADER_KEY: json.dumps(description, sort_keys=True)}


def read_file(path: Path, framework: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the arrays and the description.

    Args:
        path: The file.
        framework: "pt" for torch tensors on the CPU, "np" for NumPy arrays.

    Raises:
        GraftError: It is no safetensors file, or has no description of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework=framework) as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, _description(path, file)
    except SafetensorError as error:
        raise GraftError(
            f"{path} is not a safetensors file ({error}). Pickled files are not read, because "
            "loading one runs whatever code it holds."
        ) from error


def read_description(path: Path) -> dict[str, Any]:
    """Read the description alone, without importing torch or touching the arrays."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return _description(path, file)


def _description(path: Path, file: Any) -> dict[str, Any]:
    texts = file.metadata() or {}
    if HEADER_KEY not in texts:
        raise GraftError(f"{path} was not saved by Graft: its header has no key '{HEADER_KEY}'.")
    return dict(json.loads(texts[HEADER_KEY]))
