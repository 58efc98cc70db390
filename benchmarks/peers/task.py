"""What is trained: the same for all ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch.optim.swa_utils import update_bn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from graft.images.card import channel_statistics
from graft.images.decode import decode_images
from graft.images.listing import ImageListing
from graft.images.sources import get_source
from graft.images.split import SplitRecipe, assign_splits
from graft.images.store import ImageStore, build_store
from graft.models.classifier import Classifier, build_classifier


@dataclass(frozen=True, eq=False)
class Task:
    """A training.

    Attributes:
        backbone: Graft's name of the network.
        frozen: Whether only its head is trained.
        augmented: Whether images are shifted by up to 4 pixels and mirrored.
        epochs: Passes over the training images.
        folder: The images as files, train/<class>/ and test/<class>/, all of the right size.
        store: The same images as Graft reads them.
        batch_size: Images a step.
        learning_rate: Of Adam, all epochs long.
        device: "cpu" or "cuda:0".
        threads: Of the CPU.
        workers: Processes that the peers load images with; 0 loads in the training's own.
    """

    backbone: str
    frozen: bool
    augmented: bool
    epochs: int
    folder: Path
    store: ImageStore
    batch_size: int = 64
    learning_rate: float = 1e-3
    device: str = "cpu"
    threads: int = 1
    workers: int = 0

    @property
    def size(self) -> int:
        """Side length of the images in pixels."""
        return self.store.images.shape[1]

    @property
    def shown(self) -> int:
        """Images that a training sees, each as often as there are epochs."""
        return self.epochs * len(self.store.indices("train"))

    def classifier(self, seed: int) -> Classifier:
        """The network with random weights, as Graft trains it."""
        mean, std = self.statistics
        model = build_classifier(
            self.backbone,
            self.store.class_names,
            None,
            dataset_mean=mean,
            dataset_std=std,
            input_size=self.size,
            seed=seed,
        )
        model.freeze("all_except_last" if self.frozen else "none")
        return model

    def network(self, seed: int) -> nn.Module:
        """The same network with the same weights on the device, for normalised images."""
        net = self.classifier(seed).net
        return (Frozen(net) if self.frozen else net).to(self.device)

    @cached_property
    def statistics(self) -> tuple[list[float], list[float]]:
        """Channel means and deviations of the training images, in [0, 1]."""
        return channel_statistics(self.store.images, self.store.indices("train"))

    def dataset(self) -> datasets.ImageFolder:
        """The training images as the reports read them: files, PIL, transforms one by one."""
        steps = [transforms.ToTensor(), transforms.Normalize(*self.statistics)]
        if self.augmented:
            mirror = transforms.RandomHorizontalFlip()
            steps = [transforms.RandomCrop(self.size, padding=4), mirror, *steps]
        return datasets.ImageFolder(str(self.folder / "train"), transforms.Compose(steps))

    def loader(self) -> DataLoader:
        """Batches of the `dataset`, shuffled."""
        return DataLoader(
            self.dataset(),
            self.batch_size,
            shuffle=True,
            num_workers=self.workers,
            pin_memory=self.device != "cpu",
        )

    def accuracy(self, network: nn.Module) -> float:
        """On the test images, in single precision, whoever trained it.

        Batch norms that were trained get statistics of the last weights: running averages trail
        behind these at a constant rate, which costs 1 to 15 points at random and hides what the
        weights are worth (`graft.training.batch_norm`).
        """
        network = network.to(self.device)
        if not self.frozen:
            rows = np.random.default_rng(0).permutation(self.store.indices("train"))
            some = np.array_split(rows[:1024], 4)
            update_bn((self._images(rows) for rows in some), network)
        network.eval()
        labels = torch.from_numpy(self.store.labels("test"))
        found = []
        with torch.inference_mode():
            for rows in np.array_split(self.store.indices("test"), max(1, len(labels) // 256)):
                found.append(network(self._images(rows)).argmax(1).cpu())
        return float((torch.cat(found) == labels).float().mean())

    def _images(self, rows: np.ndarray) -> torch.Tensor:
        """Normalised images (N, 3, height, width), not augmented, on the device."""
        mean, std = (torch.tensor(values, device=self.device) for values in self.statistics)
        pixels = torch.from_numpy(self.store.images[rows]).to(self.device)
        return ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)


class Frozen(nn.Module):
    """A network whose batch norm keeps its statistics while the head is trained.

    Left alone, the peers would move them and so train something else.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images)

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.net.eval()
        return self


def read_images(source: Path | None, size: int) -> ImageStore:
    """What Graft does once with a collection of images: list, decode, give each its part.

    Args:
        source: A folder of class folders, in train/ and test/ or not; then a fifth is for tests.
            None takes scikit-learn's digits.
        size: Side length in pixels.
    """
    return _read(_list(source), size)


def write_images(source: Path | None, folder: Path, size: int, train: int, test: int) -> None:
    """Write some images of each class as PNG files of one size.

    Args:
        source: As for `read_images`.
        folder: Where train/<class>/ and test/<class>/ are made.
        size: Side length in pixels.
        train: Training images of all classes together; fewer where there are not so many.
        test: Test images likewise.
    """
    listing = _list(source)
    classes = len(listing.class_names)
    parts = {"test": test // classes, "train": train // classes}
    chosen = pd.concat(_choose(listing.records, parts), ignore_index=True)
    store = _read(dataclasses.replace(listing, records=chosen), size)
    for row, (label, part) in enumerate(
        zip(store.manifest["label"], store.manifest["split"], strict=True)
    ):
        path = folder / part / label / f"{row:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(store.images[row])).save(path)


def _list(source: Path | None) -> ImageListing:
    return get_source("folder" if source else "digits").list_from(source, Path(), {})


def _read(listing: ImageListing, size: int) -> ImageStore:
    decoded = decode_images(listing, size, max_pixels=50_000_000)
    recipe = SplitRecipe(validation=0.0, test=0.2)
    return build_store(decoded, assign_splits(decoded.records, recipe, seed=0))


def _choose(records: pd.DataFrame, parts: dict[str, int]) -> Iterator[pd.DataFrame]:
    """The first so many of each class: of its part where it is given, else one after another."""
    for _, rows in records.groupby("label"):
        taken = 0
        for part, count in parts.items():
            given = rows[rows["split"] == part]
            if given.empty:
                given = rows[rows["split"].isna()].iloc[taken:]
                taken += count
            yield given.head(count).assign(split=part)
