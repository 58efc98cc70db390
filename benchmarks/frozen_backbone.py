"""What does it save to compute the features of a frozen backbone once?

    python benchmarks/frozen_backbone.py

A new head is trained on a frozen backbone, the way it is usually done, which runs the backbone for
each image in each epoch, and on features that are computed once. Without augmentation the two are
one training up to rounding, so that they have to agree; with it, a few cached views stand for one
of each epoch, and the accuracies show what that costs. By default these are scikit-learn's digits
at 32 pixels and the shipped ResNet-20, which was trained on CIFAR-10.

Costs are processor time on one thread: on a shared machine the clock on the wall tells of the
neighbours. The ways take turns in each repeat and share its seed; what is reported is the median
over repeats with its quartiles.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from graft.compute import Compute
from graft.evaluation.inference import predict_with_network
from graft.images.augmentation import policy_from_parameters
from graft.images.decode import decode_images
from graft.images.sources import get_source
from graft.images.split import SplitRecipe, assign_splits
from graft.images.store import ImageStore, build_store
from graft.models.classifier import build_classifier
from graft.models.weights import load_weights
from graft.training.checkpoint import restore_classifier
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier

COMPUTE = Compute("cpu", "fp32", 1)
Outcome = tuple[float, float]  # processor seconds and test accuracy


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="of class folders; default: the digits")
    parser.add_argument("--size", type=int, default=32, help="of images; default: %(default)s")
    parser.add_argument("--backbone", default="resnet20_cifar", help="default: %(default)s")
    parser.add_argument("--weights", default="shipped", help="a file, a name or none")
    parser.add_argument("--policy", default="digits", help="augmentation; default: %(default)s")
    parser.add_argument("--epochs", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--views", type=int, default=3, help="cached ones; default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    arguments = parser.parse_args()
    if arguments.repeats < 2 or arguments.epochs < 1 or arguments.views < 1:
        parser.error("it takes at least two repeats, one epoch and one view")
    logging.basicConfig(level=logging.ERROR)
    torch.set_num_threads(1)

    store = ingest(arguments.folder, arguments.size)
    weights = load_weights(arguments.backbone, arguments.weights)
    recipe = TrainingRecipe(epochs=arguments.epochs)
    cached = TrainingRecipe(epochs=arguments.epochs, cached_views=arguments.views)

    def training(policy: str, recipe: TrainingRecipe, reuse: bool) -> Callable[[int], Outcome]:
        augmentation = policy_from_parameters({"policy": policy, "mixup": 0.0, "cutmix": 0.0})

        def train(seed: int) -> Outcome:
            model = build_classifier(
                arguments.backbone,
                store.class_names,
                weights,
                dataset_mean=(0.5, 0.5, 0.5),
                dataset_std=(0.25, 0.25, 0.25),
                seed=seed,
            )
            model.freeze("all_except_last")
            started = time.process_time()
            trained = train_classifier(
                model, store, recipe, augmentation, COMPUTE, seed, reuse=reuse
            )
            seconds = time.process_time() - started
            classifier = restore_classifier(trained.last)
            predictions = predict_with_network(classifier, store, "test", COMPUTE, "network")
            return seconds, float(predictions.correct.mean())

        return train

    seconds, accuracies = take_turns(
        {
            "not augmented, as usual": training("none", recipe, False),
            "not augmented, reused": training("none", recipe, True),
            "augmented, as usual": training(arguments.policy, recipe, False),
            f"augmented, {arguments.views} views": training(arguments.policy, cached, True),
        },
        arguments.repeats,
    )
    parts = [len(store.indices(part)) for part in ("train", "validation", "test")]
    print(  # noqa: T201
        f"{arguments.backbone} at {arguments.size} pixels, {arguments.epochs} epochs; images for "
        "training, validation and test: {}, {}, {}\n".format(*parts)
    )
    print(summary(seconds, accuracies).to_string())  # noqa: T201


def take_turns(
    ways: dict[str, Callable[[int], Outcome]], repeats: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Seconds and accuracies: a row for each repeat, a column for each way."""
    next(iter(ways.values()))(0)  # imports, caches and the allocator's first blocks
    seconds: list[dict[str, float]] = []
    accuracies: list[dict[str, float]] = []
    for repeat in range(repeats):
        seconds.append({})
        accuracies.append({})
        # There and back: what grows slower with time is slower for all.
        for name, way in list(ways.items())[:: 1 if repeat % 2 else -1]:
            seconds[-1][name], accuracies[-1][name] = way(repeat)
    columns = list(ways)
    return pd.DataFrame(seconds, columns=columns), pd.DataFrame(accuracies, columns=columns)


def summary(seconds: pd.DataFrame, accuracies: pd.DataFrame) -> pd.DataFrame:
    """Median and quartiles of each way, how many times faster than usual, accuracies by seed."""
    table = seconds.quantile([0.5, 0.25, 0.75]).T.round(2)
    table = table.set_axis(["seconds", "from", "to"], axis=1)
    pairs = zip(seconds.columns[::2], seconds.columns[1::2], strict=True)
    times = {fast: (seconds[slow] / seconds[fast]).median() for slow, fast in pairs}
    table["times faster"] = [f"{times[way]:.1f}" if way in times else "" for way in table.index]
    for seed, row in accuracies.iterrows():
        table[f"accuracy, seed {seed}"] = row.map("{:.2%}".format)
    return table


def ingest(folder: Path | None, size: int) -> ImageStore:
    """The images, a fifth for tests and a tenth for validation."""
    listing = get_source("folder" if folder else "digits").list_from(folder, Path(), {})
    decoded = decode_images(listing, size, max_pixels=50_000_000)
    recipe = SplitRecipe(validation=0.1, test=0.2)
    return build_store(decoded, assign_splits(decoded.records, recipe, seed=0))


if __name__ == "__main__":
    main()
