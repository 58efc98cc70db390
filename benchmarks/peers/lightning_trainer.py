"""Lightning's Trainer; nothing is logged, saved or shown."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import lightning
import torch
from torch import nn

from peers.task import Task

logging.getLogger("lightning").setLevel(logging.ERROR)
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Module(lightning.LightningModule):
    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate

    def training_step(self, batch: list[torch.Tensor], batch_index: int) -> torch.Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.network(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        learning = [p for p in self.network.parameters() if p.requires_grad]
        return torch.optim.Adam(learning, lr=self.learning_rate)


def prepare(task: Task, seed: int, precision: str) -> Callable[[], nn.Module]:
    network = task.network(seed)

    def train() -> nn.Module:
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of loaders without workers
            trainer = lightning.Trainer(
                max_epochs=task.epochs,
                accelerator="cpu" if task.device == "cpu" else "gpu",
                devices=1,
                precision="bf16-mixed" if precision == "bf16" else "32-true",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            trainer.fit(Module(network, task.learning_rate), task.loader())
        return network

    return train
