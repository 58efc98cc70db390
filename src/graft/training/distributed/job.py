"""What the processes of a training or a sweep are given: all but the pixels, which they map.

It is written by the very process that waits for them, into a folder of its own, and deleted at the
end. Nothing that comes from elsewhere is read in this way.
"""

from __future__ import annotations

import dataclasses
import io
import mmap
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import torch

    from graft.compute import Compute
    from graft.images.augmentation import Policy
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.models.heads import Head
    from graft.models.lora import LoRA
    from graft.training.recipe import TrainingRecipe
    from graft.training.state import StateKeeper

JOB, IMAGES = "job.pickle", "images.npy"


class Job(NamedTuple):
    """The arguments of `graft.training.session.train_together`, and two things more.

    Attributes:
        saves_state: Whether the processes of this host save the training's state.
        timeout: How many seconds to wait for a process that does not answer.
    """

    model: Classifier
    store: ImageStore
    recipe: TrainingRecipe
    policy: Policy
    compute: Compute
    seed: int
    initial_weights: str
    keeper: StateKeeper | None
    reuse: bool
    saves_state: bool
    timeout: float


def write_job(folder: Path, job: Any) -> None:
    """Write a job into a folder that only this user can read.

    Images that are in memory are written there as well; of mapped ones only the place is.

    Args:
        folder: A new one.
        job: A `Job`, or any other named tuple whose `store` holds the images.
    """
    import numpy as np

    images = job.store.images
    if not _is_all_of_a_file(images):
        np.save(folder / IMAGES, np.asarray(images))
        mapped = np.load(folder / IMAGES, mmap_mode="r")
        job = job._replace(store=dataclasses.replace(job.store, images=mapped))
    content = io.BytesIO()
    _Pickler(content).dump(job)
    (folder / JOB).write_bytes(content.getvalue())


def read_job(folder: Path) -> Any:
    """What `write_job` wrote, its images mapped."""
    return pickle.loads((folder / JOB).read_bytes())


class _Pickler(pickle.Pickler):
    """Knows how a mapped array travels, and a classifier: by its weights, not all modules do."""

    def reducer_override(self, obj: Any) -> Any:
        from graft.models.classifier import Classifier

        if _is_all_of_a_file(obj):
            return _map, (obj.filename, obj.dtype.str, obj.offset, obj.shape)
        if isinstance(obj, Classifier):
            return _rebuild, (
                obj.spec.name,
                obj.class_names,
                obj.mean.flatten().tolist(),
                obj.std.flatten().tolist(),
                obj.input_size,
                obj.options,
                obj.head_kind,
                obj.lora,
                obj.freezing,
                obj.state_dict(),
            )
        return NotImplemented


def _is_all_of_a_file(images: Any) -> bool:
    import numpy as np

    # A part of a mapped array has that array as its base, and not the map itself.
    return (
        isinstance(images, np.memmap)
        and isinstance(images.base, mmap.mmap)
        and images.flags.c_contiguous
    )


def _rebuild(
    backbone: str,
    class_names: Sequence[str],
    mean: Sequence[float],
    std: Sequence[float],
    input_size: int | None,
    options: Mapping[str, Any],
    head: Head,
    lora: LoRA | None,
    freezing: str | Sequence[str],
    state: Mapping[str, torch.Tensor],
) -> Classifier:
    """The very classifier that was written, frozen as it was."""
    from graft.models.backbones import get_backbone
    from graft.models.classifier import Classifier
    from graft.models.heads import replace_head

    spec = get_backbone(backbone)
    net = spec.build(len(class_names), input_size, options)
    if head.hidden is not None:
        replace_head(net, spec, len(class_names), head)
    model = Classifier(net, spec, class_names, mean, std, input_size, options, head)
    if lora is not None:
        model.adapt(lora)
    model.load_state_dict(state)
    model.freeze(freezing)
    return model


def _map(path: str, dtype: str, offset: int, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    import numpy as np

    return np.memmap(path, dtype, "r", offset, shape)
