"""Batches: every image once, in a seeded order, on the scale that networks expect."""

import torch

from graft.training.batches import Batches


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


def test_images_labels_and_indices_belong_together(store, cpu):
    for batch in Batches(store, "train", 7, cpu).shuffled(3, 1):
        stored = torch.from_numpy(store.images[batch.indices.numpy()]).permute(0, 3, 1, 2)
        torch.testing.assert_close(batch.images, stored.float() / 255)
        labels = store.manifest["class_index"].to_numpy()[batch.indices.numpy()]
        assert batch.labels.tolist() == labels.tolist()
