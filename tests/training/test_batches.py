"""Batches: bytes in a seeded order, the same wherever they are held."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from graft.training import batches as batches_module
from graft.training.batches import Batches


@pytest.fixture
def mapped_store(store, tmp_path):
    """The same store with its images in a memory-mapped file."""
    np.save(tmp_path / "images.npy", store.images)
    return dataclasses.replace(store, images=np.load(tmp_path / "images.npy", mmap_mode="r"))


def labelled(labels):
    """A stand-in for a store: training images of one pixel with these labels."""
    return SimpleNamespace(
        images=np.zeros((len(labels), 1, 1, 3), dtype=np.uint8),
        indices=lambda split: np.arange(len(labels)),
        labels=lambda split: labels,
    )


def test_every_image_comes_once_in_an_order_of_its_own_each_epoch(store, cpu):
    batches = Batches(store, "train", 10, cpu)
    first = torch.cat([batch.indices for batch in batches.shuffled(0, 1)])
    again = torch.cat([batch.indices for batch in batches.shuffled(0, 1)])
    later = torch.cat([batch.indices for batch in batches.shuffled(0, 2)])
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert sorted(first.tolist()) == sorted(later.tolist()) == store.indices("train").tolist()


def test_batches_are_as_equal_as_possible(store, cpu):
    """48 images in batches of 47 would leave one image alone, which batch norm cannot take."""
    sizes = [len(batch.labels) for batch in Batches(store, "train", 47, cpu).shuffled(0, 1)]
    assert sizes == [24, 24]


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("split", ["train", "test"])
def test_images_labels_and_indices_belong_together(store, cpu, split, resident):
    seen = 0
    for batch in Batches(store, split, 7, cpu, resident=resident).shuffled(3, 1):
        stored = torch.from_numpy(store.images[batch.indices.numpy()]).permute(0, 3, 1, 2)
        assert torch.equal(batch.images, stored)
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(batch.labels, torch.from_numpy(store.targets[batch.indices.numpy()]))
        seen += len(batch.labels)
    assert seen == len(store.indices(split))


@pytest.mark.parametrize("order", ["in_order", "shuffled", "balanced"])
def test_batches_from_a_memory_mapped_file_are_those_from_memory(store, mapped_store, cpu, order):
    held = Batches(store, "train", 7, cpu, resident=True)
    mapped = Batches(mapped_store, "train", 7, cpu, resident=False)
    assert (held.is_resident, mapped.is_resident) == (True, False)
    arguments = () if order == "in_order" else (0, 1)
    pairs = zip(getattr(held, order)(*arguments), getattr(mapped, order)(*arguments), strict=True)
    for one, other in pairs:
        assert torch.equal(one.images, other.images)
        assert one.images.stride() == other.images.stride()
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.indices, other.indices)


def test_the_next_batch_is_read_while_one_is_worked_on(mapped_store, cpu, monkeypatch):
    batches = Batches(mapped_store, "train", 16, cpu, resident=False)
    read, whole = [], batches._read

    def spy(rows):
        read.append(len(rows))
        return whole(rows)

    monkeypatch.setattr(batches, "_read", spy)
    iterator = batches.in_order()
    next(iterator)
    next(iterator)
    iterator.close()  # waits for what is being read
    assert len(read) == 3


def test_an_error_in_the_reading_thread_reaches_the_caller(mapped_store, cpu, monkeypatch):
    batches = Batches(mapped_store, "train", 16, cpu, resident=False)

    def fail(rows):
        raise OSError("the disk is gone")

    monkeypatch.setattr(batches, "_read", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches.in_order())


@pytest.mark.parametrize(("free", "resident"), [(2.0, True), (1.9, False)])
def test_a_split_is_held_where_it_takes_at_most_half_of_the_free_memory(
    store, cpu, monkeypatch, free, resident
):
    size = len(store.indices("train")) * store.images[0].nbytes
    monkeypatch.setattr(batches_module, "free_memory", lambda device: int(free * size))
    assert Batches(store, "train", 16, cpu).is_resident == resident


def test_a_split_is_copied_in_parts(store, cpu, monkeypatch):
    monkeypatch.setattr(batches_module, "_COPIED_AT_ONCE", 5 * store.images[0].nbytes)
    (batch,) = Batches(store, "train", 48, cpu, resident=True).in_order()
    expected = torch.from_numpy(store.images[store.indices("train")]).permute(0, 3, 1, 2)
    assert torch.equal(batch.images, expected)


def test_a_split_without_images_has_no_batches(store, cpu):
    for resident in (True, False):
        batches = Batches(store, "unused", 16, cpu, resident=resident)
        assert (batches.size, len(batches)) == (0, 0)
        assert list(batches.in_order()) == list(batches.balanced(0, 1)) == []


def test_balanced_epochs_show_classes_equally_often(cpu):
    """900, 90 and 10 images: each class a third of the draws, each image of a class as likely."""
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    batches = Batches(labelled(labels), "train", 100, cpu)
    rows = np.concatenate([batches.balanced_rows(0, epoch).numpy() for epoch in range(1, 31)])
    shares = np.bincount(labels[rows], minlength=3) / len(rows)
    # Four standard deviations of a share of one third.
    assert abs(shares - 1 / 3).max() < 4 * (2 / 9 / len(rows)) ** 0.5
    rarest = np.bincount(rows, minlength=1000)[-10:]
    expected = len(rows) / 30
    # The 0.999 quantile of chi-square with 9 degrees of freedom.
    assert ((rarest - expected) ** 2 / expected).sum() < 27.9


def test_balanced_epochs_are_a_function_of_seed_and_epoch(store, cpu):
    batches = Batches(store, "train", 10, cpu)
    first = batches.balanced_rows(0, 1)
    assert len(first) == batches.size
    assert torch.equal(first, batches.balanced_rows(0, 1))
    assert not torch.equal(first, batches.balanced_rows(0, 2))
    assert not torch.equal(first, batches.balanced_rows(1, 1))
    assert torch.equal(first, Batches(store, "train", 3, cpu).balanced_rows(0, 1))


def test_of_several_labels_the_rarest_decides(cpu):
    """Class frequencies 4, 2 and 1, and one image without any."""
    labels = np.array(
        [[1, 0, 0], [1, 1, 0], [1, -1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0]], dtype=np.int8
    )
    batches = Batches(labelled(labels), "train", 6, cpu)
    rows = np.concatenate([batches.balanced_rows(0, epoch).numpy() for epoch in range(2000)])
    weights = np.array([1 / 4, 1 / 2, 1 / 4, 1, 1 / 2, 1])
    expected = weights / weights.sum() * len(rows)
    seen = np.bincount(rows, minlength=6)
    # The 0.999 quantile of chi-square with 5 degrees of freedom.
    assert ((seen - expected) ** 2 / expected).sum() < 20.5
