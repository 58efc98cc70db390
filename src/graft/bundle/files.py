"""A bundle as a folder, and back without executing anything.

    bundle.json           what it is: classes, transform, thresholds, where it comes from
    network.safetensors   weights of backbone and head
    machine.skops         scaler and support vector machine, where it is one that answers
    probe.safetensors     or the linear probe
    README.md             the model card
    manifest.json         size and SHA-256 of each of them, see `graft.storage`

Loading reads JSON, raw numbers and a skops file of pinned types, and nothing else: there is no way
to name a class, a module or a file in it. What lies in the folder beyond these files, a link,
a folder, a script, is no part of a bundle, and then the whole folder is refused.

Checksums show what was damaged, or changed by somebody who did not know of them. They are no
signature: who can write to the folder can write a manifest as well, and weights that answer wrong.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.bundle.bundle import Bundle, Probe
from graft.bundle.description import read_description, write_description
from graft.bundle.skops_file import read_svm, write_svm
from graft.bundle.transform import Transform
from graft.errors import GraftError
from graft.storage import MANIFEST, CorruptedFileError, committed, saved_files, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft.compute import Compute
    from graft.probes.linear_probe import LinearProbe
    from graft.probes.svm import SVMClassifier
    from graft.training.checkpoint import Checkpoint

DESCRIPTION, NETWORK, CARD = "bundle.json", "network.safetensors", "README.md"
_PROBE_ARRAYS = ("mean", "scale", "weights", "intercepts")
PROBES = {"svm": "machine.skops", "linear_probe": "probe.safetensors"}


def save_bundle(folder: str | Path, bundle: Bundle) -> None:
    """Save a bundle, complete or not at all.

    Args:
        folder: To be made, or a bundle to be replaced.
        bundle: What is saved.

    Raises:
        GraftError: The disk is full, or the folder holds files of somebody else.
    """
    with committed(Path(folder).expanduser()) as partial:
        write_bundle(partial, bundle)


def load_bundle(folder: str | Path, compute: Compute | None = None) -> Bundle:
    """Load a bundle from its folder.

    Args:
        folder: Where it lies.
        compute: Device, precision and threads of its predictions; None for what the machine has.

    Raises:
        GraftError: There is no bundle, or one of its files is missing, damaged, changed, unknown,
            or not of the kind that its name says; the message names the file.
    """
    folder = Path(folder).expanduser()
    require_known_files(folder)
    verify(folder)
    return replace(read_bundle(folder), compute=compute)


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write the files of a bundle, without the manifest, into a folder that is there."""
    from safetensors.torch import save

    weights = {name: tensor.cpu().contiguous() for name, tensor in bundle.network.weights.items()}
    # Not `save_file`, whose error on a full disk carries no errno.
    (folder / NETWORK).write_bytes(save(weights))
    if bundle.probe is not None:
        _write_probe(folder / PROBES[bundle.probe.kind], bundle.probe)
    (folder / CARD).write_text(bundle.card, encoding="utf-8")
    write_description(folder / DESCRIPTION, bundle)


def read_bundle(folder: Path) -> Bundle:
    """Read what `write_bundle` wrote, from a folder that is whole, unchanged and nothing more."""
    description = read_description(folder / DESCRIPTION)
    bundle = Bundle(
        name=description["name"],
        method=description["method"],
        transform=Transform(**description["transform"]),
        network=_read_network(folder, description["network"]),
        class_names=tuple(description["class_names"]),
        thresholds=None if description["thresholds"] is None else tuple(description["thresholds"]),
        probe=_read_probe(folder, description),
        temperature=description["temperature"],
        provenance=description["provenance"],
        card=(folder / CARD).read_text(encoding="utf-8", errors="replace"),
    )
    _require_fitting(folder, bundle)
    return bundle


def require_known_files(folder: Path) -> None:
    """Refuse a folder by what lies in it, before any of that is read.

    Raises:
        GraftError: It is no folder, no bundle, lacks a file, or holds what does not belong to one.
    """
    if not folder.is_dir():
        raise GraftError(f"There is no folder '{folder}' to load a bundle from.")
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    names = {entry.name for entry in entries}
    if DESCRIPTION not in names:
        within = sorted(path.parent for path in folder.glob(f"*/{DESCRIPTION}"))
        within += sorted(path.parent for path in folder.glob(f"*/*/{DESCRIPTION}"))
        hint = f" Is '{within[-1]}' meant?" if within else ""
        raise GraftError(f"'{folder}' is no bundle: it holds no {DESCRIPTION}.{hint}")
    for entry in entries:
        if entry.is_symlink() or not entry.is_file():
            kind = "a link" if entry.is_symlink() else "no ordinary file"
            raise GraftError(f"{entry.path} is {kind}, so this is no bundle that Graft has saved.")
        if entry.name not in (DESCRIPTION, NETWORK, CARD, *PROBES.values(), MANIFEST):
            raise GraftError(
                f"{entry.path} does not belong to a bundle, and nothing of the folder is read. "
                "If you put it there, take it out; if the folder is from elsewhere, do not use it."
            )
    recorded = saved_files(folder)
    if MANIFEST in names and (different := sorted(recorded ^ (names - {MANIFEST}))):
        what = "missing" if different[0] in recorded else f"not recorded in {MANIFEST}"
        raise CorruptedFileError(f"{folder / different[0]} is {what}.")


def _read_network(folder: Path, metadata: dict[str, Any]) -> Checkpoint:
    from safetensors.torch import load

    from graft.training.checkpoint import Checkpoint

    return Checkpoint(_read_arrays(folder / NETWORK, load), metadata)


def _read_arrays(path: Path, load: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
    from safetensors import SafetensorError

    try:
        return load(path.read_bytes())
    except (SafetensorError, OSError) as error:
        raise GraftError(f"{path} cannot be read as safetensors: {error}.") from error


def _write_probe(path: Path, probe: Probe) -> None:
    import numpy as np
    from safetensors.numpy import save

    from graft.probes.linear_probe import LinearProbe

    classifier = probe.classifier
    if isinstance(classifier, LinearProbe):
        arrays = {name: np.ascontiguousarray(getattr(classifier, name)) for name in _PROBE_ARRAYS}
        path.write_bytes(save(arrays))
    else:
        write_svm(path, classifier)


def _read_probe(folder: Path, description: dict[str, Any]) -> Probe | None:
    from safetensors.numpy import load

    from graft.probes.linear_probe import LinearProbe

    probe = description["probe"]
    for kind, name in PROBES.items():
        if (folder / name).exists() != (probe is not None and probe["kind"] == kind):
            raise GraftError(
                f"{folder / DESCRIPTION} says otherwise than whether there is {folder / name}."
            )
    if probe is None:
        return None
    path = folder / PROBES[probe["kind"]]
    names, metadata = tuple(description["class_names"]), probe["metadata"]
    classifier: SVMClassifier | LinearProbe
    try:
        if probe["kind"] == "svm":
            classifier = read_svm(path, {"class_names": names, "metadata": metadata})
        else:
            classifier = LinearProbe(
                **_read_arrays(path, load), class_names=names, metadata=metadata
            )
    except (KeyError, TypeError, ValueError) as error:
        raise GraftError(f"{path} holds no classifier of features: {error!r}.") from error
    return Probe(classifier, tuple(probe["taps"]), probe["grid"])


def _require_fitting(folder: Path, bundle: Bundle) -> None:
    """Let it answer once: what does not fit together shows now and not in front of somebody.

    Raises:
        GraftError: Weights, backbone, probe and classes do not fit, or are not numbers.
    """
    import numpy as np

    from graft.compute import Compute

    grey = np.full((1, bundle.transform.size, bundle.transform.size, 3), 128, dtype=np.uint8)
    on_the_cpu = replace(bundle, compute=Compute("cpu", "fp32", threads=1))
    try:
        scores = on_the_cpu.scores(grey)
    except Exception as error:  # a description may say anything
        what = str(error).removeprefix("model.weights: ")
        raise GraftError(
            f"The parts of the bundle '{folder}' do not fit together ({type(error).__name__}): "
            f"{what}"
        ) from error
    if scores.shape != (1, len(bundle.class_names)):
        raise GraftError(
            f"The bundle '{folder}' names {len(bundle.class_names)} classes, but its classifier "
            f"knows {scores.shape[1]}."
        )
    if np.isnan(scores).any():
        raise GraftError(f"The bundle '{folder}' answers what is no number: {NETWORK} is spoilt.")
