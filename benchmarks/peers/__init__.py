"""One training, written for each of several frameworks: what `training_speed.py` compares.

Each module holds one way. Its `prepare(task, seed, precision)` builds what does not count and
returns what does: a function that trains and returns the trained network, which takes normalised
images. Network, first weights, files, augmentation, batch size, optimizer, learning rate and number
of epochs are the task's, so that what differs is how a framework gets through them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import nn

    from peers.task import Task

    Prepare: TypeAlias = Callable[[Task, int, str], Callable[[], nn.Module]]

EXTRA = "benchmark"  # of pyproject.toml: what the peers need

LIMIT, GRAFT = "ready batch", "Graft"
# From what the tables call it to its module, and the package without which it is not there.
WAYS = {
    LIMIT: ("ready_batch", "torch"),
    "plain script": ("plain_script", "torch"),
    "Hugging Face Trainer": ("hugging_face", "transformers"),
    "Lightning": ("lightning_trainer", "lightning"),
    "fastai": ("fastai_learner", "fastai"),
    GRAFT: ("graft_session", "graft"),
}


def why_not(way: str, precision: str, device: str) -> str | None:
    """What keeps a way from training here, or None if nothing does."""
    if find_spec(WAYS[way][1]) is None:
        return f"is not installed (pip install -c constraints.txt -e '.[{EXTRA}]')"
    if way == "fastai" and precision == "bf16" and device == "cpu":
        return "has mixed precision on CUDA only"
    return None


def get_way(way: str) -> Prepare:
    """The `prepare` of a way."""
    prepare: Prepare = importlib.import_module(f"peers.{WAYS[way][0]}").prepare
    return prepare
