"""Where does bf16 pay on this processor, and what does it cost in accuracy?

    python benchmarks/precision.py
    python benchmarks/precision.py --networks=resnet20_cifar:32 --seeds=5

The first table is what a training step and an answer cost, fp32 against bf16 by autocast, both in
channels-last order, for networks at several sizes of images, and what `compute.precision: auto`
makes of them. With `--seeds` the second is a short training on scikit-learn's digits at the
network's size, or on a folder of images, once in each precision from each seed: test accuracies in
pairs, as the two networks have them with running batch-norm statistics and with precise ones.

Costs are processor time on one thread: on a shared machine the clock on the wall tells of the
neighbours. The precisions take turns in each repeat; what is reported is the median over repeats
with its quartiles.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from frozen_backbone import ingest
from graft.compute import Compute, resolve_compute
from graft.evaluation.inference import predict_with_network
from graft.images.augmentation import policy_from_parameters
from graft.images.store import ImageStore
from graft.models.classifier import Classifier, build_classifier
from graft.models.workload import workload_of
from graft.training.checkpoint import restore_classifier
from graft.training.optimization import build_optimizer
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier

COMPUTES = {name: Compute("cpu", name, 1) for name in ("fp32", "bf16")}
NETWORKS = (
    "ablation_cnn:32,resnet20_cifar:16,resnet20_cifar:32,resnet18:32,resnet18:64,resnet18:224,"
    "resnet50:64,mobilenet_v2:96,efficientnet_b0:224"
)
NO_POLICY = policy_from_parameters({"policy": "none", "mixup": 0.0, "cutmix": 0.0})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default=NETWORKS, help="name:pixels, separated by commas")
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--seeds", type=int, default=0, help="of trainings; default: none")
    parser.add_argument("--folder", type=Path, help="of class folders; default: the digits")
    parser.add_argument("--epochs", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--schedule", default="one_cycle", help="default: %(default)s")
    arguments = parser.parse_args()
    if arguments.repeats < 2 or arguments.epochs < 1:
        parser.error("it takes at least two repeats and one epoch")
    logging.basicConfig(level=logging.ERROR)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    networks = [
        (name, int(size))
        for name, _, size in (text.rpartition(":") for text in arguments.networks.split(","))
    ]
    speeds = [row for name, size in networks for row in compare_speed(name, size, arguments)]
    print(pd.DataFrame(speeds).to_string(index=False))  # noqa: T201
    if arguments.seeds:
        recipe = TrainingRecipe(epochs=arguments.epochs, schedule=arguments.schedule)
        pairs = [
            row
            for name, size in networks
            for row in compare_accuracy(
                name, size, ingest(arguments.folder, size), recipe, arguments.seeds
            )
        ]
        print()  # noqa: T201
        print(pd.DataFrame(pairs).to_string(index=False, float_format="{:.2%}".format))  # noqa: T201


def compare_speed(name: str, size: int, arguments: argparse.Namespace) -> list[dict[str, object]]:
    """A row for the training step and one for the answer."""
    model = build(name, [str(number) for number in range(10)], size)
    COMPUTES["fp32"].place(model)
    workload = workload_of(model, size)
    optimizer = build_optimizer(model, TrainingRecipe(learning_rate=1e-3))
    count = max(4, min(64, int(64 * (48 / size) ** 2)))
    images = torch.rand(count, 3, size, size).to(memory_format=torch.channels_last)
    labels = torch.arange(count) % 10

    def train(compute: Compute) -> None:
        model.train()
        optimizer.zero_grad(set_to_none=True)
        with compute.autocast():
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def answer(compute: Compute) -> None:
        model.eval()
        with torch.inference_mode(), compute.autocast():
            model(images)

    rows: list[dict[str, object]] = []
    for what, work in {"training step": train, "answer": answer}.items():
        costs = take_turns(work, arguments.repeats) / count * 1e3
        ratios = (costs["fp32"] / costs["bf16"]).quantile([0.5, 0.25, 0.75])
        rows.append(
            {
                "network": f"{name} at {size}",
                "million MACs": round(workload.multiply_accumulates / 1e6, 1),
                "what": what,
                "ms fp32": round(costs["fp32"].median(), 3),
                "ms bf16": round(costs["bf16"].median(), 3),
                "times faster": "{:.2f} ({:.2f} to {:.2f})".format(*ratios),
                "auto": resolve_compute("cpu", threads=1, workload=workload).precision,
            }
        )
    return rows


def take_turns(work: Callable[[Compute], None], repeats: int) -> pd.DataFrame:
    """Processor seconds: a row for each repeat, a column for each precision."""
    for compute in COMPUTES.values():  # kernels are made and memory is taken
        work(compute)
        work(compute)
    rows: list[dict[str, float]] = []
    for repeat in range(repeats):
        rows.append({})
        for name in list(COMPUTES)[:: 1 if repeat % 2 else -1]:
            started = time.process_time()
            work(COMPUTES[name])
            rows[-1][name] = time.process_time() - started
    return pd.DataFrame(rows, columns=list(COMPUTES))


def compare_accuracy(
    name: str, size: int, store: ImageStore, recipe: TrainingRecipe, seeds: int
) -> list[dict[str, object]]:
    """A row for each seed and each way to batch-norm statistics: both accuracies, and how far."""
    rows: list[dict[str, object]] = []
    for seed in range(seeds):
        for statistics in ("running", "precise"):
            wanted = dataclasses.replace(recipe, batch_norm_statistics=statistics)
            found = {
                precision: accuracy(name, size, store, wanted, compute, seed)
                for precision, compute in COMPUTES.items()
            }
            rows.append(
                {
                    "network": f"{name} at {size}",
                    "statistics": statistics,
                    "seed": seed,
                    **found,
                    "bf16 - fp32": found["bf16"] - found["fp32"],
                }
            )
    return rows


def accuracy(
    name: str, size: int, store: ImageStore, recipe: TrainingRecipe, compute: Compute, seed: int
) -> float:
    """Of a network trained from scratch, on the test images, in fp32."""
    model = build(name, store.class_names, size, seed)
    trained = train_classifier(model, store, recipe, NO_POLICY, compute, seed)
    predictions = predict_with_network(
        restore_classifier(trained.last), store, "test", COMPUTES["fp32"], "network"
    )
    return float(predictions.correct.mean())


def build(
    name: str, class_names: tuple[str, ...] | list[str], size: int, seed: int = 0
) -> Classifier:
    return build_classifier(
        name,
        class_names,
        None,
        dataset_mean=(0.5, 0.5, 0.5),
        dataset_std=(0.25, 0.25, 0.25),
        input_size=size,
        seed=seed,
    )


if __name__ == "__main__":
    main()
