"""What processes are given: pixels are mapped, the network travels to the bit."""

import dataclasses

import numpy as np
import pytest
import torch

from graft.compute import Compute
from graft.images.augmentation import Policy
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.models.lora import LoRA
from graft.training.distributed.job import JOB, Job, read_job, write_job
from graft.training.recipe import TrainingRecipe

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}


def job(store):
    model = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)
    model.freeze("all_except_last")
    cpu = Compute("cpu", "fp32", 1)
    return Job(model, store, TrainingRecipe(), Policy(), cpu, 0, "none", None, True, True, 60.0)


@pytest.mark.parametrize("lies", ["in memory", "in a file", "in a part of a file"])
def test_pixels_are_mapped_and_not_copied(store, tmp_path, lies):
    given = job(store)
    if lies != "in memory":
        np.save(tmp_path / "store.npy", store.images)
        images = np.load(tmp_path / "store.npy", mmap_mode="r")
        given = given._replace(store=dataclasses.replace(store, images=images))
    if lies == "in a part of a file":
        manifest = store.manifest.iloc[12:].reset_index(drop=True)
        part = dataclasses.replace(given.store, images=images[12:], manifest=manifest)
        given = given._replace(store=part)
    write_job(tmp_path, given)
    read = read_job(tmp_path)
    assert isinstance(read.store.images, np.memmap)
    assert read.store.images.filename == (
        tmp_path / ("store.npy" if lies == "in a file" else "images.npy")
    )
    assert np.array_equal(read.store.images, given.store.images)
    assert store.images[:1].tobytes() not in (tmp_path / JOB).read_bytes()


@pytest.mark.parametrize("lora", [None, LoRA(2, 4.0)])
def test_the_network_travels_as_it_is(store, tmp_path, lora):
    """Weights, what is frozen, and the constants of its normalisation, to the bit."""
    head, mean, std = Head(8, 0.3), (0.1, 0.2, 0.3), (0.7, 0.7, 0.7)
    model = build_classifier(
        "fully_connected", store.class_names, None, dataset_mean=mean, dataset_std=std,
        input_size=8, head=head, lora=lora, seed=3,
    )  # fmt: skip
    model.freeze(["fc2"])
    write_job(tmp_path, job(store)._replace(model=model))
    read = read_job(tmp_path).model
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read.eval()(images), model.eval()(images))
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert [name for name, p in read.named_parameters() if p.requires_grad] == trained
