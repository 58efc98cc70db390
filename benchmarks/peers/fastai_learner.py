"""fastai's Learner on the same batches as the others; its own loaders would cost more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from fastai.callback.core import Callback, CancelValidException
from fastai.callback.fp16 import AMPMode, MixedPrecision
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import Adam
from torch import nn

from peers.task import Task


class NoValidation(Callback):
    def before_validate(self) -> None:
        raise CancelValidException


def prepare(task: Task, seed: int, precision: str) -> Callable[[], nn.Module]:
    network = task.network(seed)

    def train() -> nn.Module:
        torch.manual_seed(seed)
        loader = task.loader()
        callbacks = [NoValidation()]
        if precision == "bf16":
            callbacks.append(MixedPrecision(amp_mode=AMPMode.BF16))
        learner = Learner(
            DataLoaders(loader, loader, device=torch.device(task.device)),
            network,
            loss_func=nn.CrossEntropyLoss(),
            # torch's constants: fastai's own would be another training.
            opt_func=partial(Adam, mom=0.9, sqr_mom=0.999, eps=1e-8, wd=0.0),
            cbs=callbacks,
            train_bn=not task.frozen,
        )
        with learner.no_bar(), learner.no_logging():
            learner.fit(task.epochs, lr=task.learning_rate, wd=0.0)
        return network

    return train
