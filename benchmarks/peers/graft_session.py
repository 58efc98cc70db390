"""Graft's training, as its pipelines call it."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from graft.compute import resolve_compute
from graft.images.augmentation import policy_from_parameters
from graft.models.workload import workload_of
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier
from peers.task import Task


def prepare(task: Task, seed: int, precision: str) -> Callable[[], nn.Module]:
    name = "flip_crop" if task.augmented else "none"
    policy = policy_from_parameters({"policy": name, "mixup": 0.0, "cutmix": 0.0})
    recipe = TrainingRecipe(
        epochs=task.epochs,
        batch_size=task.batch_size,
        optimizer="adam",
        learning_rate=task.learning_rate,
        weight_decay=0.0,
        schedule="constant",
        batch_norm_statistics="running",  # so that nothing is computed that the others do not
    )
    model = task.classifier(seed)
    workload = workload_of(model, task.size)
    compute = resolve_compute(task.device, precision, task.threads, workload=workload)

    def train() -> nn.Module:
        train_classifier(model, task.store, recipe, policy, compute, seed)
        return model.net  # with the last weights

    return train
