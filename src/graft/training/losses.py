"""Losses by name, for one class an image and for several, with class weights against imbalance.

Networks end in their logits, and the losses do what is left. Those of the reports that end in a
log-softmax and are trained with the negative log-likelihood are the same: cross-entropy is that
likelihood of a log-softmax, and the log-softmax of a log-softmax is itself. So "nll" is
"cross_entropy", and "multi_label_soft_margin" is "binary_cross_entropy", its mean over classes.

Every loss is a mean over images (over the answers that are counted, where there are several an
image), so that batches of different sizes add up. Targets are class indices, or shares of classes
(mixed images), or, of a multi-label task, 1 for present, 0 for absent and -1 for not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.images.store import ImageStore
    from graft.training.recipe import TrainingRecipe

    Formula: TypeAlias = "Callable[[torch.Tensor, torch.Tensor, Loss], torch.Tensor]"

AUTO = {False: "cross_entropy", True: "binary_cross_entropy"}  # by multi_label


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss and its constants; call it with logits (B, K) and targets.

    Attributes:
        name: One of `list_losses`.
        multi_label: Whether targets are int8 or float (B, K) with -1 for not counted; else they
            are int64 (B,) or float (B, K) that sum to 1.
        class_weights: float (K,) on the device that computes, or None. Single-label: what an image
            of the class counts. Multi-label: what an image that shows the class counts, against 1
            of one that does not.
        label_smoothing: Share of the target that is spread over all classes (Szegedy et al. 2016).
        focal_gamma: Of the focal loss.
    """

    name: str
    multi_label: bool = False
    class_weights: torch.Tensor | None = None
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch, a scalar in float32."""
        formulas = MULTI_LABEL if self.multi_label else SINGLE_LABEL
        return formulas[self.name](logits.float(), targets, self)

    def share(self, part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor | float:
        """What the mean loss of a part counts in that of its batch, by the targets of both."""
        if not self.multi_label:
            return len(part) / len(whole)
        return self.terms(part) / self.terms(whole).clamp(min=1)  # type: ignore[union-attr]

    def terms(self, targets: torch.Tensor) -> torch.Tensor | int:
        """How many terms the mean loss of these targets is the mean of."""
        return (targets >= 0).sum() if self.multi_label else len(targets)

    def plain(self) -> Loss:
        """The same loss without weights and smoothing: what validation images are judged by."""
        return Loss(self.name, self.multi_label, focal_gamma=self.focal_gamma)


def build_loss(
    name: str,
    *,
    multi_label: bool,
    class_weights: np.ndarray | None,
    label_smoothing: float,
    focal_gamma: float,
    device: str,
) -> Loss:
    """The loss that the recipe names; "auto" is cross-entropy, binary where labels are several.

    Args:
        name: One of `list_losses(multi_label)`, or "auto".
        multi_label: Whether images may show several classes.
        class_weights: float64 (K,), see `balanced_class_weights`, or None.
        label_smoothing: In [0, 1).
        focal_gamma: At least 0.
        device: Where the logits will be.

    Raises:
        GraftError: There is no such loss for this kind of task.
    """
    import torch

    chosen = AUTO[multi_label] if name == "auto" else name
    if chosen not in list_losses(multi_label):
        kind = "several labels" if multi_label else "one label"
        raise GraftError(
            f"training.loss: '{name}' is not for images of {kind}. Use auto or one of "
            f"{', '.join(list_losses(multi_label))}."
        )
    weights = None
    if class_weights is not None:
        weights = torch.tensor(class_weights, dtype=torch.float32, device=device)
    return Loss(chosen, multi_label, weights, label_smoothing, focal_gamma)


def build_loss_for(recipe: TrainingRecipe, store: ImageStore, compute: Compute) -> Loss:
    """The loss of a recipe for the images of a store, weighted by its training images."""
    class_weights = None
    if recipe.class_weights == "balanced":
        class_weights = balanced_class_weights(store.labels("train"), store.num_classes)
    return build_loss(
        recipe.loss,
        multi_label=store.multi_label,
        class_weights=class_weights,
        label_smoothing=recipe.label_smoothing,
        focal_gamma=recipe.focal_gamma,
        device=compute.device,
    )


def list_losses(multi_label: bool) -> list[str]:
    """The names of the losses for a kind of task.

    >>> list_losses(multi_label=True)
    ['binary_cross_entropy', 'focal', 'multi_label_soft_margin']
    """
    return sorted(MULTI_LABEL if multi_label else SINGLE_LABEL)


def balanced_class_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Weights that give every class the same say, float64 (K,).

    Args:
        labels: Of the training images: int64 (N,), or of a multi-label task int8 (N, K).
        num_classes: K.

    Returns:
        Single-label: N / (K · images of the class), whose mean over the images is 1, as
        scikit-learn's "balanced". Multi-label: images without the class over images with it. A
        class that no image shows, or every image, has weight 1: there is nothing to balance.
    """
    if labels.ndim == 2:
        present = (labels == 1).sum(axis=0)
        absent = (labels == 0).sum(axis=0)
        return np.where((present > 0) & (absent > 0), absent / np.maximum(present, 1), 1.0)
    counts = np.bincount(labels, minlength=num_classes)
    occurring = (counts > 0).sum()
    return np.where(counts > 0, len(labels) / (occurring * np.maximum(counts, 1)), 1.0)


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    import torch.nn.functional as F

    # torch divides weighted indices by their weights and weighted shares by their number: the sum
    # makes the two agree. The weights' mean over the training images is 1.
    total = F.cross_entropy(
        logits,
        targets,
        weight=loss.class_weights,
        label_smoothing=loss.label_smoothing,
        reduction="sum",
    )
    return total / len(logits)


def _focal(logits: torch.Tensor, targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    """Cross-entropy that counts well classified images less (Lin et al. 2017), softmax version."""
    log_probabilities = logits.log_softmax(dim=1)
    easiness = (1 - log_probabilities.exp()) ** loss.focal_gamma
    terms = -_one_hot(targets, logits, loss.label_smoothing) * easiness * log_probabilities
    return _weigh(terms, loss).sum(dim=1).mean()


def _squared_error(logits: torch.Tensor, targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    """Of the outputs as they are against one-hot targets (Hui and Belkin 2021)."""
    errors = (logits - _one_hot(targets, logits, loss.label_smoothing)) ** 2
    return _weigh_images(errors, targets, loss)


def _absolute_error(logits: torch.Tensor, targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    errors = (logits - _one_hot(targets, logits, loss.label_smoothing)).abs()
    return _weigh_images(errors, targets, loss)


def _binary_cross_entropy(logits: torch.Tensor, targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    """Mean over classes and images: torch's MultiLabelSoftMarginLoss where all are counted."""
    import torch.nn.functional as F

    terms = F.binary_cross_entropy_with_logits(
        logits, _soft(targets, loss), pos_weight=loss.class_weights, reduction="none"
    )
    return _mean_of_counted(terms, targets)


def _binary_focal(logits: torch.Tensor, targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    """The focal loss of Lin et al. (2017), a yes-or-no question for each class."""
    import torch.nn.functional as F

    wanted = _soft(targets, loss)
    yes = -F.logsigmoid(logits) * logits.neg().sigmoid() ** loss.focal_gamma
    no = -F.logsigmoid(-logits) * logits.sigmoid() ** loss.focal_gamma
    return _mean_of_counted(_weigh(wanted * yes, loss) + (1 - wanted) * no, targets)


SINGLE_LABEL: dict[str, Formula] = {
    "cross_entropy": _cross_entropy,
    "nll": _cross_entropy,
    "focal": _focal,
    "mse": _squared_error,
    "l1": _absolute_error,
}
MULTI_LABEL: dict[str, Formula] = {
    "binary_cross_entropy": _binary_cross_entropy,
    "multi_label_soft_margin": _binary_cross_entropy,
    "focal": _binary_focal,
}


def _one_hot(targets: torch.Tensor, logits: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Class indices (B,) or shares (B, K) as float shares (B, K), smoothed."""
    import torch.nn.functional as F

    classes = logits.shape[1]
    shares = F.one_hot(targets, classes).to(logits) if targets.ndim == 1 else targets.to(logits)
    return shares * (1 - smoothing) + smoothing / classes


def _soft(targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    """1 and 0 as floats, smoothed towards a half; what is not counted becomes some number."""
    return targets.float() * (1 - loss.label_smoothing) + loss.label_smoothing / 2


def _weigh(terms: torch.Tensor, loss: Loss) -> torch.Tensor:
    return terms if loss.class_weights is None else terms * loss.class_weights


def _weigh_images(errors: torch.Tensor, targets: torch.Tensor, loss: Loss) -> torch.Tensor:
    """Mean of errors (B, K), each image weighted as its class, or as its share of classes."""
    if loss.class_weights is None:
        return errors.mean()
    weights = _one_hot(targets, errors, 0.0) @ loss.class_weights
    return (errors.mean(dim=1) * weights).mean()


def _mean_of_counted(terms: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    counted = targets >= 0
    return (terms * counted).sum() / counted.sum().clamp(min=1)
