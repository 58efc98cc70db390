"""What does an augmented training image cost, and what is left for the network?

    python benchmarks/data_path.py

The first table is data work alone, from a stored image to a normalised batch of 64: crop with four
pixels of padding and mirror image, drawn for each sample. The second is an epoch of the small
CIFAR-10 network of an ablation study, whose data path matters most, through Graft's path and on one
batch that is always ready, with the same fused optimizer.

Costs are processor time, that of worker processes included, on one thread: on a shared machine the
clock on the wall tells of the neighbours. All ways take turns in each repeat; what is reported is
the median over repeats with its quartiles.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms
from torchvision.transforms import v2

from graft.compute import Compute
from graft.images.augmentation import Policy, get_policy
from graft.images.conversion import normalise
from graft.images.store import ImageStore
from graft.models.backbones import get_backbone
from graft.training.batches import Batches
from graft.training.views import TrainingViews
from processor_time import processor_seconds

SIDE, BATCH, CLASSES = 32, 64, 10
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
POLICY = Policy(get_policy("flip_crop").operations)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=2048, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--format", choices=["jpeg", "png"], default="jpeg", help="of the files")
    arguments = parser.parse_args()
    if arguments.images < BATCH or arguments.repeats < 2:
        parser.error(f"it takes at least {BATCH} images and two repeats")
    torch.set_num_threads(1)
    # Adam's averages of gradients that have vanished end as subnormal numbers, which slow a step by
    # half. Two networks reach them at different times, and that is no matter of data paths.
    torch.set_flush_denormal(True)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        pixels = write_files(files, arguments.images, arguments.format)
        np.save(Path(folder) / "images.npy", pixels)
        mapped = np.load(Path(folder) / "images.npy", mmap_mode="r")
        data = take_turns(data_ways(files, pixels, mapped), arguments.repeats)
        training = take_turns(training_ways(pixels), arguments.repeats)
    print(f"{arguments.images} {arguments.format} images of {SIDE} pixels, batches of {BATCH}\n")  # noqa: T201
    resident = data["Graft, resident"]
    shown = summary(data).assign(**{"times Graft": ratios(data, resident)})
    print("data work alone\n" + shown.to_string(), end="\n\n")  # noqa: T201
    shown = summary(training).assign(
        **{"share of limit": ratios(training["ready batch"], training)}
    )
    print("training the ablation network\n" + shown.to_string())  # noqa: T201


def take_turns(ways: dict[str, Callable[[], int]], repeats: int) -> pd.DataFrame:
    """Processor time in µs an image: a row for each repeat, a column for each way.

    Each way does its work and says how many images that were.
    """
    for way in ways.values():
        way()  # imports, caches and the allocator's first blocks
    rows: list[dict[str, float]] = []
    for repeat in range(repeats):
        rows.append({})
        # There and back: what grows slower with time is slower for all.
        for name, way in list(ways.items())[:: 1 if repeat % 2 else -1]:
            started = processor_seconds()
            images = way()
            rows[-1][name] = 1e6 * (processor_seconds() - started) / images
    return pd.DataFrame(rows, columns=list(ways))


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """Median and quartiles of each column."""
    quartiles = measured.quantile([0.5, 0.25, 0.75]).T.round(1)
    return quartiles.set_axis(["µs an image", "from", "to"], axis=1)


def ratios(above: pd.DataFrame | pd.Series, below: pd.DataFrame | pd.Series) -> pd.Series:
    """Medians over the repeats of ratios within a repeat."""
    frame, series = (above, below) if isinstance(above, pd.DataFrame) else (below, above)
    paired = frame.div(series, axis=0)
    return (paired if frame is above else 1 / paired).median().round(3)


def write_files(folder: Path, count: int, kind: str) -> np.ndarray:
    """Smooth coloured pictures in class folders; their pixels, decoded, in ImageFolder's order."""
    rng = np.random.default_rng(0)
    decoded = []
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
        for number in range(label, count, CLASSES):
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            path = folder / f"class {label}" / f"{number:06d}.{kind}"
            coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
            decoded.append(np.asarray(Image.open(path)))
    return np.stack(decoded)


def make_store(pixels: np.ndarray) -> ImageStore:
    """An image store of these pixels, all of them training images."""
    labels = np.sort(np.arange(len(pixels)) % CLASSES)
    manifest = pd.DataFrame(
        {
            "id": [str(number) for number in range(len(pixels))],
            "label": [f"class {label}" for label in labels],
            "split": "train",
            "width": SIDE,
            "height": SIDE,
            "sha256": "",
        }
    )
    names = tuple(f"class {label}" for label in range(CLASSES))
    return ImageStore(pixels, manifest, names, "generated")


class Pixels(Dataset[tuple[torch.Tensor, int]]):
    """Decoded images (N, 3, H, W) with a transform for each."""

    def __init__(self, images: torch.Tensor, transform: nn.Module) -> None:
        self._images = images
        self._transform = transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._transform(self._images[index]), 0


def data_ways(files: Path, pixels: np.ndarray, mapped: np.ndarray) -> dict[str, Callable[[], int]]:
    """The ways from images to batches, by name."""
    first = transforms.Compose(
        [
            transforms.RandomCrop(SIDE, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    second = v2.Compose(
        [
            v2.RandomCrop(SIDE, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    folder = datasets.ImageFolder(str(files), first)
    decoded = Pixels(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), second)
    epochs = max(1, 40_000 // len(pixels))  # an epoch alone is too short for the clock

    def loaded(dataset: Dataset[tuple[torch.Tensor, int]], workers: int) -> Callable[[], int]:
        def way() -> int:
            loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=workers)
            return sum(len(images) for images, _ in loader)

        return way

    def graft(images: np.ndarray, resident: bool) -> Callable[[], int]:
        views = make_views(images, resident)

        def way() -> int:
            return sum(
                len(images)
                for epoch in range(1, epochs + 1)
                for images, _ in normalised(views, epoch)
            )

        return way

    return {
        "ImageFolder, PIL, torchvision v1": loaded(folder, 0),
        "the same with 2 workers": loaded(folder, 2),
        "decoded pixels, torchvision v2 per sample": loaded(decoded, 0),
        "Graft, memory-mapped": graft(mapped, False),
        "Graft, resident": graft(pixels, True),
    }


def make_views(pixels: np.ndarray, resident: bool) -> TrainingViews:
    cpu = Compute("cpu", "fp32", threads=1)
    return TrainingViews(
        Batches(make_store(pixels), "train", BATCH, cpu, resident=resident), POLICY, 0, CLASSES
    )


def normalised(views: TrainingViews, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """An epoch's images and labels, normalised as a classifier does it."""
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    for view in views.epoch(epoch):
        yield normalise(view.images, mean, std), view.targets


def training_ways(pixels: np.ndarray) -> dict[str, Callable[[], int]]:
    """An epoch of training, on one ready batch and through Graft's path."""
    views = make_views(pixels, resident=True)
    ready = next(normalised(views, 1))

    def trained(batches: Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]]):
        torch.manual_seed(0)
        network = get_backbone("ablation_cnn").build(CLASSES, SIDE)
        network.to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(network.parameters(), fused=True)

        def way() -> int:
            seen = 0
            for images, labels in batches():
                loss = nn.functional.cross_entropy(network(images), labels)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                seen += len(images)
            return seen

        return way

    return {
        "ready batch": trained(lambda: (ready for _ in range(len(views)))),
        "Graft, resident": trained(lambda: normalised(views, 1)),
    }


if __name__ == "__main__":
    main()
