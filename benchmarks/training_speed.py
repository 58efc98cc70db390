"""How fast does Graft train, against a plain PyTorch script and three frameworks?

    pip install -c constraints.txt -e '.[benchmark]'
    python benchmarks/training_speed.py --folder cifar10

Three trainings, each written once for every framework (`benchmarks/peers`): the small network of a
CIFAR-10 ablation study with shifts and mirror images, ten epochs of a new head on a frozen
ResNet-18, and a whole ResNet-18 at 64 pixels, in single precision and in bf16. All ways share the
first weights, which are random, the files, the batch size, Adam and its learning rate, and the
number of epochs; nobody validates, logs or saves.

All ways take turns in each repeat, whose seed they share; one short turn before is not counted.
What is compared is processor time, that of worker processes included: on a shared machine the clock
on the wall tells of the neighbours. On a GPU it is the wall clock. Ratios are taken within a
repeat; what is reported is their median with its quartiles. Graft reads the image files once, into
its image store; what that costs an image is printed above the table. The others read them in every
epoch, within the time that is measured.

"Graft" chooses its precision itself; "ready batch" is the limit, a loop that always has the same
batch, with the fused optimizer. Without `--folder` the images are scikit-learn's digits.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch

from peers import GRAFT, LIMIT, WAYS, get_way, why_not
from peers.task import Task, read_images, write_images
from processor_time import processor_seconds


class Subject(NamedTuple):
    """A training, and what it should show.

    Attributes:
        title: For the table.
        backbone: Graft's name of the network.
        frozen: Whether only the head is trained.
        augmented: Whether images are shifted and mirrored.
        size: Of images in pixels.
        images: Training images.
        epochs: Passes over them.
        precisions: Each way trains in each of them.
        target: How many times faster than the best peer in single precision Graft should be.
    """

    title: str
    backbone: str
    frozen: bool
    augmented: bool
    size: int
    images: int
    epochs: int
    precisions: tuple[str, ...]
    target: float


SUBJECTS = {
    "ablation": Subject(
        "the ablation network", "ablation_cnn", False, True, 32, 3200, 2, ("fp32",), 1.7
    ),
    "frozen": Subject(
        "a head on a frozen ResNet-18", "resnet18", True, False, 32, 1920, 10, ("fp32",), 10.0
    ),
    "full": Subject(
        "a whole ResNet-18", "resnet18", False, True, 64, 320, 1, ("fp32", "bf16"), 1.5
    ),
}


class Run(NamedTuple):
    """What one training took and gave.

    Attributes:
        processor: µs an image and epoch, of all processes.
        wall: The same by the clock.
        accuracy: On the test images, in [0, 1].
    """

    processor: float
    wall: float
    accuracy: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}")
    parser.add_argument("--folder", type=Path, help="of class folders; default: the digits")
    parser.add_argument("--images", type=int, help="for training; default: see SUBJECTS")
    parser.add_argument("--test-images", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--size", type=int, help="of images; default: see SUBJECTS")
    parser.add_argument("--epochs", type=int, help="default: see SUBJECTS")
    parser.add_argument("--batch-size", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--device", default="cpu", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=0, help="of the peers' data loaders")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    arguments = parser.parse_args()
    if unknown := set(arguments.subjects) - set(SUBJECTS):
        parser.error(f"{', '.join(unknown)}: subjects are {', '.join(SUBJECTS)}")
    if arguments.repeats < 2:
        parser.error("it takes at least two repeats")
    logging.basicConfig(level=logging.ERROR)
    for name in arguments.subjects or SUBJECTS:
        changed = {
            field: value
            for field in ("images", "size", "epochs")
            if (value := getattr(arguments, field)) is not None
        }
        report(SUBJECTS[name]._replace(**changed), arguments)


def report(subject: Subject, arguments: argparse.Namespace) -> None:
    """Measure a subject and print what was found."""
    ways, missing = list_ways(subject, arguments)
    with tempfile.TemporaryDirectory() as folder:
        short = make_task(subject, arguments, Path(folder, "short"), 2 * arguments.batch_size, 1)
        task = make_task(subject, arguments, Path(folder, "whole"), subject.images, subject.epochs)
        reading = processor_seconds()
        read_images(task.folder, subject.size)
        reading = 1e6 * (processor_seconds() - reading) / len(task.store.images)
        runs = take_turns(ways, task, short, arguments.repeats)
    clock = "processor" if arguments.device == "cpu" else "wall"
    print(  # noqa: T201
        f"{subject.title} at {subject.size} pixels: {task.shown // task.epochs} images, "
        f"{task.epochs} epochs, batches of {task.batch_size}; {arguments.repeats} repeats on "
        f"{task.device} with {task.threads} threads\n"
        f"Graft reads the files once: {reading:.0f} µs an image\n",
        *(f"{way} {reason}\n" for way, reason in missing.items()),
        "\n" + summary(runs, clock).to_string() + "\n",
        verdict(runs[clock], subject.target),
        sep="",
        end="\n\n",
        flush=True,
    )


def list_ways(
    subject: Subject, arguments: argparse.Namespace
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """From a row of the table to the way and its precision; and why other ways are not there."""
    there, missing = {}, {}
    for precision in subject.precisions:
        for way in arguments.ways:
            if way == LIMIT and subject.frozen:
                continue  # it is none: the backbone need not run for each image in each epoch
            row = f"{way}, {precision}"
            if reason := why_not(way, precision, arguments.device):
                missing[row] = reason
            else:
                there[row] = (way, precision)
    if GRAFT in arguments.ways:
        there[GRAFT] = (GRAFT, "auto")
    return there, missing


def make_task(
    subject: Subject, arguments: argparse.Namespace, folder: Path, images: int, epochs: int
) -> Task:
    write_images(arguments.folder, folder, subject.size, images, arguments.test_images)
    return Task(
        subject.backbone,
        subject.frozen,
        subject.augmented,
        epochs,
        folder,
        read_images(folder, subject.size),
        batch_size=arguments.batch_size,
        device=arguments.device,
        threads=arguments.threads,
        workers=arguments.workers,
    )


def take_turns(
    ways: dict[str, tuple[str, str]], task: Task, short: Task, repeats: int
) -> pd.DataFrame:
    """A row for each repeat; columns (field of `Run`, way)."""
    for way, precision in ways.values():
        measure(way, precision, short, 0)  # imports, caches and the allocator's first blocks
    rows: list[dict[tuple[str, str], float]] = []
    for repeat in range(repeats):
        rows.append({})
        # There and back: what grows slower with time is slower for all.
        for row, (way, precision) in list(ways.items())[:: 1 if repeat % 2 else -1]:
            run = measure(way, precision, task, repeat)
            rows[-1].update({(field, row): value for field, value in run._asdict().items()})
    return pd.DataFrame(rows, columns=pd.MultiIndex.from_product([Run._fields, ways]))


def measure(way: str, precision: str, task: Task, seed: int) -> Run:
    """Train once."""
    # torch as it is when nobody has changed it; Graft makes its own choices.
    torch.set_num_threads(task.threads)
    torch.set_flush_denormal(False)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.benchmark = False
    train = get_way(way)(task, seed, precision)
    wait(task.device)
    processor, wall = processor_seconds(), time.perf_counter()
    network = train()
    wait(task.device)
    processor, wall = processor_seconds() - processor, time.perf_counter() - wall
    scale = 1e6 / task.shown
    return Run(scale * processor, scale * wall, task.accuracy(network))


def wait(device: str) -> None:
    """Until a GPU has done what it was asked for."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def summary(runs: pd.DataFrame, clock: str) -> pd.DataFrame:
    """Medians of each way, its ratios to others with quartiles, and its accuracy by seed."""
    times = runs[clock]
    table = pd.DataFrame(index=times.columns)
    for field in ("processor", "wall"):
        table[f"µs, {field}"] = runs[field].median().round().astype(int)
    table["images/s"] = (1e6 / times.median()).round().astype(int)
    if GRAFT in times:
        table["times Graft's"] = [spread(times[way] / times[GRAFT]) for way in times]
    for limit in [way for way in times if way.startswith(LIMIT)]:
        table[f"share of {limit}"] = [spread(times[limit] / times[way]) for way in times]
    trained = [way for way in times if not way.startswith(LIMIT)]
    accuracies = runs["accuracy"][trained]
    table["accuracy"] = accuracies.mean().map("{:.1%}".format)
    table["of each seed"] = accuracies.map("{:.1%}".format).agg(" ".join)
    return table.fillna("")


def spread(ratios: pd.Series) -> str:
    """Median and quartiles."""
    low, median, high = ratios.quantile([0.25, 0.5, 0.75])
    return f"{median:.2f} ({low:.2f}–{high:.2f})"


def verdict(times: pd.DataFrame, target: float) -> str:
    """How many times faster than the best of the others Graft is, in each precision."""
    lines = []
    for precision in ("fp32", "bf16"):
        peers = [
            way
            for way in times
            if way.endswith(f", {precision}") and not way.startswith((LIMIT, GRAFT))
        ]
        if GRAFT not in times or not peers:
            continue
        best = times[peers].median().idxmin()
        for own in (GRAFT, f"{GRAFT}, {precision}"):
            lines.append(f"{own}: {spread(times[best] / times[own])} times as fast as {best}")
            if own == GRAFT and precision == "fp32":
                lines[-1] += f"; it should be {target}"
    return "\n".join(lines)


if __name__ == "__main__":
    main()
