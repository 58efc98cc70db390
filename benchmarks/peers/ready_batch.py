"""The limit: as many steps, but on one batch that is always ready, with the fused optimizer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from graft.compute import resolve_compute
from graft.models.workload import workload_of
from peers.task import Task


def prepare(task: Task, seed: int, precision: str) -> Callable[[], nn.Module]:
    workload = workload_of(task.classifier(seed), task.size)
    compute = resolve_compute(task.device, precision, task.threads, workload=workload)
    network = task.network(seed)
    compute.place(network)
    rows = task.store.indices("train")[: task.batch_size]
    mean, std = (torch.tensor(values) for values in task.statistics)
    pixels = (torch.from_numpy(task.store.images[rows]) / 255 - mean) / std
    images = pixels.permute(0, 3, 1, 2).to(task.device)
    if compute.memory_format == "contiguous":
        images = images.contiguous()
    labels = torch.from_numpy(task.store.labels("train")[: task.batch_size]).to(task.device)
    steps = -(-len(task.store.indices("train")) // task.batch_size) * task.epochs

    def train() -> nn.Module:
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(learning, lr=task.learning_rate, fused=True)
        network.train()
        for _ in range(steps):
            with compute.autocast():
                loss = nn.functional.cross_entropy(network(images).float(), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        return network

    return train
