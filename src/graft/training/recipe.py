"""The constants of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainingRecipe:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training images; 0 leaves the network as it is.
        batch_size: Images a step. Batches are made as equal as possible, so none is tiny.
        micro_batch_size: Images computed at once, where memory does not hold a batch: gradients
            are summed over its parts, and the step stays that of the whole. Batch-norm statistics
            are those of the parts. None computes batches whole. Where memory runs out all the
            same, the training halves it by itself.
        optimizer: "sgd", "adam", "adamw" or "muon" (for matrices; AdamW for the rest).
        learning_rate: Of the head, at the schedule's peak.
        backbone_learning_rate_factor: The backbone's learning rate over the head's.
        stage_learning_rates: Learning rates of single stages over the head's, by stage name; the
            stages not named have the backbone's.
        momentum: Of SGD and Muon.
        nesterov: Whether these look ahead.
        weight_decay: L2 penalty (decoupled in adamw and muon).
        weight_decay_on_norms: Whether it is on normalisations and biases too, all parameters of
            one dimension; else on matrices and filters only.
        l2_sp: An L2 penalty on how far the backbone moves from the weights that it begins with
            (Li et al. 2018), which takes the place of its weight decay; the head keeps that.
        unfreezing: After how many epochs which strategy of freezing takes the place of the one
            before, see `graft.training.unfreezing`; what is trained can only grow.
        gradient_clipping: The longest norm of all gradients together; a longer one is scaled down
            to it. None leaves gradients as they are.
        schedule: "one_cycle" (linear warm-up over a quarter, cosine to zero; Smith 2018),
            "cosine" (to zero), "constant", "step" (times `step_factor` every `step_epochs`) or
            "multi_step" (times `step_factor` after each of the `milestones`).
        warm_up_epochs: The rates rise linearly over these first epochs, under any schedule; a
            share of an epoch will do.
        step_epochs: Of the schedule "step".
        milestones: Epochs, of the schedule "multi_step".
        step_factor: Of the schedules "step" and "multi_step".
        loss: "auto" (cross-entropy; binary where images show several classes) or a name of
            `graft.training.losses`.
        label_smoothing: Share of the target spread over all classes.
        focal_gamma: How much less the focal loss counts images that are classified well.
        class_weights: "balanced" gives rare classes the say of common ones in the loss, or None.
        sampling: "shuffled" shows each training image once an epoch; "balanced" draws as many,
            with repetition, each class equally often. Instead of class weights, not with them.
        batch_norm_statistics: "running" averages over the last batches, as in torch; "precise" ones
            are estimated anew before each validation, see `graft.training.batch_norm`; "auto" is
            "precise" under schedules that do not end at zero, and in trainings of few steps.
        early_stopping_patience: Epochs without a better validation score, of those after the last
            unfreezing; or None.
        resume: "auto" goes on with an interrupted training of the same setup, if there is one;
            "never" begins anew.
        checkpoint_seconds: How long a training goes without its state being saved.
        cached_views: Where a part is frozen and images are augmented: how many views of
            each are made and their features reused, epoch by epoch in turn; None augments anew
            in each epoch. Without augmentation features are reused anyway.
        ema_decay: Of an exponential moving average of the weights a step, which is then what is
            validated and kept; or None.
    """

    epochs: int = 10
    batch_size: int = 64
    micro_batch_size: int | None = None
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    backbone_learning_rate_factor: float = 1.0
    stage_learning_rates: Mapping[str, float] = field(default_factory=dict)
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    weight_decay_on_norms: bool = True
    l2_sp: float | None = None
    unfreezing: Mapping[int, str | Sequence[str]] = field(default_factory=dict)
    gradient_clipping: float | None = None
    schedule: str = "one_cycle"
    warm_up_epochs: float = 0.0
    step_epochs: int = 7
    milestones: Sequence[int] = ()
    step_factor: float = 0.1
    loss: str = "auto"
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0
    class_weights: str | None = None
    sampling: str = "shuffled"
    batch_norm_statistics: str = "auto"
    early_stopping_patience: int | None = None
    cached_views: int | None = None
    ema_decay: float | None = None
    resume: str = "never"
    checkpoint_seconds: float = 60.0
