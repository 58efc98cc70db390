"""In which order in memory are convolutions fastest in fp32 on this processor?

    python benchmarks/memory_format.py
    python benchmarks/memory_format.py --networks=resnet18:64,resnet50:64 --batch-size=32

What a training step and an answer cost with a pixel's channels side by side (channels last) over
what they cost with a channel's pixels side by side (contiguous, torch's usual order): above 1, the
usual order is faster. The rows are ordered by what `compute.memory_format: auto` goes by, the
weights that filters have for each value of the maps that they give.

Costs are processor time on one thread: on a shared machine the clock on the wall tells of the
neighbours. The two take turns in each repeat; what is reported is the median of the ratios with
its quartiles.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable

import pandas as pd
import torch

from graft.compute import Compute, resolve_compute
from graft.models.workload import workload_of
from graft.training.optimization import build_optimizer
from graft.training.recipe import TrainingRecipe
from precision import build
from processor_time import processor_seconds

ORDERS = ("channels_last", "contiguous")
NETWORKS = (
    "ablation_cnn:32,resnet20_cifar:32,resnet18:32,resnet18:64,resnet18:96,resnet18:128,"
    "resnet34:64,resnet50:32,resnet50:64,resnet50:128,wide_resnet50_2:64,vgg11_bn:32,vgg11_bn:64,"
    "googlenet:64,densenet121:64,mobilenet_v2:64,efficientnet_b0:64,convnext_tiny:64"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default=NETWORKS, help="name:pixels, separated by commas")
    parser.add_argument("--batch-size", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=6, help="default: %(default)s")
    arguments = parser.parse_args()
    if arguments.repeats < 2:
        parser.error("it takes at least two repeats")
    logging.basicConfig(level=logging.ERROR)
    torch.set_num_threads(1)
    rows = []
    for name, _, size in (text.rpartition(":") for text in arguments.networks.split(",")):
        rows.append(compare(name, int(size), arguments.batch_size, arguments.repeats))
    table = pd.DataFrame(rows).sort_values("weights per value", ascending=False)
    print(table.to_string(index=False))  # noqa: T201


def compare(name: str, size: int, batch_size: int, repeats: int) -> dict[str, object]:
    """A row of the table."""
    images = torch.randint(256, (batch_size, size, size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    labels = torch.arange(batch_size) % 10
    workload = workload_of(build(name, list("abcdefghij"), size), size)
    steps, answers = {}, {}
    for order in ORDERS:
        steps[order], answers[order] = ways(name, size, order, images, labels)
    compute = resolve_compute("cpu", "fp32", 1, workload=workload)
    return {
        "network": f"{name} at {size}",
        "weights per value": round(workload.filters / max(1, workload.maps), 1),
        "training step": ratio(steps, repeats),
        "answer": ratio(answers, repeats),
        "auto": compute.memory_format.replace("_", " "),
    }


def ways(
    name: str, size: int, order: str, images: torch.Tensor, labels: torch.Tensor
) -> tuple[Callable[[], None], Callable[[], None]]:
    """A training step and an answer of a network in this order."""
    model = build(name, list("abcdefghij"), size)
    Compute("cpu", "fp32", 1, memory_format=order).place(model)
    optimizer = build_optimizer(model, TrainingRecipe(learning_rate=1e-3))

    def step() -> None:
        model.train()
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def answer() -> None:
        model.eval()
        with torch.inference_mode():
            model(images)

    return step, answer


def ratio(ways: dict[str, Callable[[], None]], repeats: int) -> str:
    """Channels last over contiguous: median and quartiles."""
    for way in ways.values():  # kernels are made and memory is taken
        way()
    found = []
    for repeat in range(repeats):
        costs = {}
        for order in ORDERS[:: 1 if repeat % 2 else -1]:
            started = processor_seconds()
            ways[order]()
            costs[order] = processor_seconds() - started
        found.append(costs["channels_last"] / costs["contiguous"])
    low, median, high = pd.Series(found).quantile([0.25, 0.5, 0.75])
    return f"{median:.2f} ({low:.2f}–{high:.2f})"


if __name__ == "__main__":
    main()
