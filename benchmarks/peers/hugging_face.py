"""Hugging Face's Trainer; nothing is logged or saved, gradients are not clipped."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import torch
import transformers
from torch import nn
from torch.utils.data import default_collate
from transformers import PrinterCallback, Trainer, TrainingArguments

from peers.task import Task

transformers.logging.set_verbosity_error()


class WithLoss(nn.Module):
    """What the Trainer wants of a model: the loss among its outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.network(images)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def prepare(task: Task, seed: int, precision: str) -> Callable[[], nn.Module]:
    network = task.network(seed)

    def train() -> nn.Module:
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                num_train_epochs=task.epochs,
                per_device_train_batch_size=task.batch_size,
                learning_rate=task.learning_rate,
                lr_scheduler_type="constant",
                weight_decay=0.0,
                max_grad_norm=0.0,
                bf16=precision == "bf16",
                use_cpu=task.device == "cpu",
                dataloader_num_workers=task.workers,
                dataloader_pin_memory=task.device != "cpu",
                remove_unused_columns=False,
                logging_strategy="no",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                seed=seed,
            )
            trainer = Trainer(
                WithLoss(network),
                arguments,
                data_collator=lambda samples: dict(
                    zip(("images", "labels"), default_collate(samples), strict=True)
                ),
                train_dataset=task.dataset(),
            )
            trainer.remove_callback(PrinterCallback)  # which comes where no bar is shown
            trainer.train()
        return network

    return train
