"""The loop as the reports write it: torch's defaults, one statement after another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import nn

from peers.task import Task


def prepare(task: Task, seed: int, precision: str) -> Callable[[], nn.Module]:
    network = task.network(seed)
    kind = task.device.split(":")[0]

    def train() -> nn.Module:
        torch.manual_seed(seed)
        loader = task.loader()
        criterion = nn.CrossEntropyLoss()
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(learning, lr=task.learning_rate)
        for _ in range(task.epochs):
            network.train()
            running_loss, correct = 0.0, 0
            for images, labels in loader:
                images, labels = images.to(task.device), labels.to(task.device)
                optimizer.zero_grad()
                with nullcontext() if precision == "fp32" else torch.autocast(kind, torch.bfloat16):
                    outputs = network(images)
                    loss = criterion(outputs, labels)
                loss.backward()
                optimizer.step()
                running_loss += loss.item() * len(images)
                correct += (outputs.argmax(1) == labels).sum().item()
        return network

    return train
