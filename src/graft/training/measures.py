"""What is measured while training: means so far, and the ranking of several labels."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

    from graft.training.distributed.group import Group


class Measured(NamedTuple):
    """What some images gave, on the device that computes.

    Attributes:
        loss: The mean, a scalar.
        right: How many answers were right, a scalar.
        answers: How many there were.
        images: How many images.
    """

    loss: torch.Tensor
    right: torch.Tensor
    answers: torch.Tensor | int
    images: int


def measure(loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> Measured:
    """Of a batch: its mean loss, logits (B, K), labels int64 (B,) or int8 (B, K).

    The answers of several labels are those of their yes-or-no questions (then accuracy is 1 -
    Hamming loss), those that are not counted (-1) left out.
    """
    loss, logits = loss.detach(), logits.detach()
    if labels.ndim == 1:
        right = (logits.argmax(1) == labels).sum()
        return Measured(loss, right, len(labels), len(labels))
    right = ((logits > 0) == (labels == 1))[labels >= 0].sum()
    return Measured(loss, right, (labels >= 0).sum(), len(labels))


class RunningMeans:
    """Loss and accuracy so far, summed on the device: only reading them waits for it."""

    def __init__(self, device: str) -> None:
        import torch

        # Loss, right answers, answers.
        self._sums = torch.zeros(3, device=device, dtype=torch.float64 if device == "cpu" else None)
        self._seen = 0
        self._before = 0.0  # seconds that an earlier process took for what is counted
        self._started = time.perf_counter()

    @property
    def images(self) -> int:
        """How many images were counted."""
        return self._seen

    @property
    def seconds(self) -> float:
        """How long that took."""
        return self._before + time.perf_counter() - self._started

    def state(self) -> dict[str, torch.Tensor]:
        """The sums, by name."""
        return {"sums": self._sums}

    def restore(self, state: Mapping[str, torch.Tensor], images: int, seconds: float) -> None:
        """Go on from the `state`, `images` and `seconds` of another one."""
        self._sums.copy_(state["sums"])
        self._seen = images
        self._before = seconds
        self._started = time.perf_counter()

    def add(self, batch: Measured) -> None:
        """Count a batch."""
        self._seen += batch.images
        loss, right, answers = self._sums.unbind()
        loss.add_(batch.loss, alpha=batch.images)
        right.add_(batch.right)
        answers.add_(batch.answers)

    def pool(self, group: Group) -> None:
        """Count what all processes have counted."""
        self._sums = group.sum(self._sums)
        self._seen = sum(group.gather(self._seen))

    def read(self) -> tuple[float, float, float]:
        """Mean loss, accuracy and images a second so far; waits for the device.

        The means of nothing are no numbers.
        """
        loss, right, answers = self._sums.tolist()
        mean_loss = loss / self._seen if self._seen else math.nan
        accuracy = right / answers if answers else math.nan
        return mean_loss, accuracy, self._seen / self.seconds


def mean_average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean over the classes of their (non-interpolated) average precision.

    Args:
        labels: int8 (N, K): 1 present, 0 absent, -1 not counted.
        scores: float (N, K), the higher the likelier.

    Returns:
        A share in [0, 1]; 0 where no class is present in any image. Classes that are not are left
        out of the mean.
    """
    from sklearn.metrics import average_precision_score

    precisions = [
        average_precision_score(labels[counted, k] == 1, scores[counted, k])
        for k, counted in enumerate((labels >= 0).T)
        if (labels[:, k] == 1).any()
    ]
    return float(np.mean(precisions)) if precisions else 0.0
