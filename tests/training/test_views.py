"""What training sees: the same for every batch size, mixed with partners from the whole epoch."""

import dataclasses

import numpy as np
import pytest
import torch

from graft.images.augmentation import Policy, policy_from_parameters
from graft.images.conversion import to_float
from graft.training import views as views_module
from graft.training.batches import Batches
from graft.training.views import TrainingViews


def policy(name="flip_crop", mixup=0.0, cutmix=0.0):
    return policy_from_parameters({"policy": name, "mixup": mixup, "cutmix": cutmix})


def by_image(views, epoch=1):
    """Images, targets and labels of an epoch in the order of the store."""
    seen = list(views.epoch(epoch))
    order = torch.cat([view.indices for view in seen]).argsort(stable=True)
    return tuple(
        torch.cat([getattr(view, field) for view in seen])[order]
        for field in ("images", "targets", "labels")
    )


@pytest.mark.parametrize(
    "given",
    [
        policy("digits"),
        policy(mixup=0.4),
        policy("trivial_augment", cutmix=1.0),
        policy(mixup=1.0, cutmix=1.0),
    ],
    ids=Policy.describe,
)
@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("at_once", [0, 2 * 5 * 192, 2**20])
def test_neither_the_batch_size_nor_where_images_lie_changes_a_view(
    store, cpu, monkeypatch, given, resident, at_once
):
    """Nor how many batches are augmented together: one, two or all."""
    monkeypatch.setattr(views_module, "_BYTES_AT_ONCE", at_once)
    small = TrainingViews(Batches(store, "train", 5, cpu, resident=resident), given, 0, 3)
    assert [len(view.labels) for view in small.epoch(1)] == [5] * 8 + [4] * 2
    large = TrainingViews(Batches(store, "train", 48, cpu, resident=True), given, 0, 3)
    assert (len(small), len(large)) == (10, 1)
    for one, other in zip(by_image(small), by_image(large), strict=True):
        assert torch.equal(one, other)


def test_without_mixing_targets_are_the_labels(store, cpu):
    views = TrainingViews(Batches(store, "train", 16, cpu), policy("none"), 0, 3)
    for view in views.epoch(1):
        stored = torch.from_numpy(store.images[view.indices.numpy()]).permute(0, 3, 1, 2)
        assert torch.equal(view.images, stored)
        assert torch.equal(view.targets, view.labels)
        assert view.targets.dtype == torch.int64
        assert view.partners is view.shares is None


def test_every_epoch_shows_each_image_once_anew(store, cpu):
    views = TrainingViews(Batches(store, "train", 16, cpu), policy(), 0, 3)
    first, again, later = (by_image(views, epoch) for epoch in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], later[0])
    assert torch.equal(first[2], torch.from_numpy(store.labels("train")))


@pytest.mark.parametrize("alphas", [{"mixup": 0.5}, {"cutmix": 1.0}, {"mixup": 1.0, "cutmix": 1.0}])
def test_mixed_images_and_targets_tell_of_the_same_two_images(store, cpu, alphas):
    """Whatever the operations did, each pixel lies between the two and targets are the shares."""
    batches = Batches(store, "train", 16, cpu)
    plain = to_float(by_image(TrainingViews(batches, policy(), 0, 3))[0])
    for view in TrainingViews(batches, policy(**alphas), 0, 3).epoch(1):
        own, other = plain[view.indices], plain[view.partners]  # training images are the first
        low, high = torch.minimum(own, other) - 1e-6, torch.maximum(own, other) + 1e-6
        assert ((view.images >= low) & (view.images <= high)).all()
        total = view.shares[:, None] * own.mean((2, 3)) + (1 - view.shares[:, None]) * other.mean(
            (2, 3)
        )
        if "cutmix" not in alphas:
            torch.testing.assert_close(view.images.mean((2, 3)), total, rtol=0, atol=1e-5)
        classes = torch.from_numpy(store.targets)
        assert torch.equal(view.labels, classes[view.indices])
        one_hot = torch.nn.functional.one_hot(classes, 3).float()
        share = view.shares[:, None]
        expected = share * one_hot[view.indices] + (1 - share) * one_hot[view.partners]
        torch.testing.assert_close(view.targets, expected)
        torch.testing.assert_close(view.targets.sum(1), torch.ones(len(view.targets)))


def test_partners_come_from_other_batches_too(store, cpu):
    seen = list(TrainingViews(Batches(store, "train", 4, cpu), policy(mixup=1.0), 0, 3).epoch(1))
    outside = [
        partner not in view.indices.tolist() for view in seen for partner in view.partners.tolist()
    ]
    assert np.mean(outside) > 0.75
    assert len({p for view in seen for p in view.partners.tolist()}) > 20


def multi_label(store):
    """The same images, each of none, one or two classes, one class of every fifth not counted."""
    names = ["", "red", "green|blue", "blue"]
    manifest = store.manifest.assign(
        label=[names[i % 4] for i in range(len(store.manifest))],
        ignored=["green" if i % 20 == 0 else "" for i in range(len(store.manifest))],
    )
    return dataclasses.replace(store, manifest=manifest, multi_label=True)


def test_several_labels_are_mixed_as_shares_and_what_is_not_counted_stays_so(store, cpu):
    store = multi_label(store)
    views = TrainingViews(Batches(store, "train", 16, cpu), policy(mixup=1.0), 0, 3)
    known = torch.from_numpy(store.targets).float()
    uncounted = 0
    for view in views.epoch(1):
        own, other, share = known[view.indices], known[view.partners], view.shares[:, None]
        expected = share * own + (1 - share) * other
        expected[(own < 0) | (other < 0)] = -1
        torch.testing.assert_close(view.targets, expected)
        assert view.labels.dtype == torch.int8
        uncounted += int((view.targets == -1).sum())
    assert uncounted > 2


def test_several_labels_without_mixing_stay_as_they_are(store, cpu):
    store = multi_label(store)
    for view in TrainingViews(Batches(store, "train", 16, cpu), policy(), 0, 3).epoch(1):
        assert view.targets.dtype == torch.int8
        assert torch.equal(view.targets, torch.from_numpy(store.targets)[view.indices])


def test_an_image_that_a_balanced_epoch_repeats_looks_different_each_time(store, cpu):
    views = TrainingViews(Batches(store, "train", 16, cpu), policy("gentle"), 0, 3, "balanced")
    seen = list(views.epoch(1))
    images = torch.cat([view.images for view in seen])
    indices = torch.cat([view.indices for view in seen])
    assert len(indices) == 48
    assert len(indices.unique()) < 40, "drawn with replacement"
    assert len({tuple(image.flatten().tolist()) for image in images}) == 48
    # The first time it looks as it would in a shuffled epoch.
    shuffled, *_ = by_image(TrainingViews(Batches(store, "train", 16, cpu), policy("gentle"), 0, 3))
    first = [indices.tolist().index(index) for index in indices.unique().tolist()]
    assert torch.equal(images[first], shuffled[indices[first]])


@pytest.mark.parametrize("alphas", [{}, {"mixup": 0.4, "cutmix": 1.0}])
def test_single_images_can_be_looked_at_as_the_epoch_shows_them(store, cpu, alphas):
    views = TrainingViews(Batches(store, "train", 16, cpu), policy(**alphas), 0, 3)
    images, targets, labels = by_image(views, epoch=3)
    wanted = torch.tensor([40, 2, 17])
    view = views.look_at(wanted, epoch=3)
    assert torch.equal(view.indices, wanted)
    for found, expected in ((view.images, images), (view.targets, targets), (view.labels, labels)):
        assert torch.equal(found, expected[wanted])
