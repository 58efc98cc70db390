"""Every policy has a preview that shows what training sees."""

import dataclasses
from pathlib import Path

import pytest
import torch

from graft.images.augmentation import OPERATIONS, list_policies, policy_from_parameters
from graft.images.conversion import to_bytes
from graft.pipelines.augmentation.nodes import EPOCHS, preview_augmentation
from graft.training.batches import Batches
from graft.training.views import TrainingViews


def parameters(policy="flip_crop", mixup=0.0, cutmix=0.0):
    return {"policy": policy, "mixup": mixup, "cutmix": cutmix}


def shown(figure):
    """The drawn images row by row, an original first in each."""
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


@pytest.mark.parametrize("name", list_policies())
def test_every_named_policy_draws_a_preview_of_what_training_sees(store, cpu, name):
    figure = preview_augmentation(store, parameters(name), seed=0)
    figure.draw_without_rendering()
    images = shown(figure)
    assert len(images) % (1 + EPOCHS) == 0
    views = TrainingViews(
        Batches(store, "train", 16, cpu), policy_from_parameters(parameters(name)), 0, 3
    )
    epoch = {
        int(index): image
        for view in views.epoch(1)
        for index, image in zip(view.indices, to_bytes(view.images), strict=True)
    }
    original = next(i for i in epoch if (store.images[i] == images[0]).all())
    assert torch.equal(torch.from_numpy(images[1].data).permute(2, 0, 1), epoch[original])
    assert figure.get_suptitle().startswith(f"{name}: ")


@pytest.mark.parametrize("alphas", [{"mixup": 0.4}, {"cutmix": 1.0}])
def test_mixed_images_tell_their_shares_and_partners(store, alphas):
    figure = preview_augmentation(store, parameters(**alphas), seed=0)
    captions = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    assert len(captions) == len(shown(figure)) * EPOCHS // (1 + EPOCHS)
    for caption in captions:
        own, other, partner = caption.replace(" %", "").replace("+ ", "").split()
        assert int(own) + int(other) in (99, 100, 101)
        assert partner in store.class_names


def test_a_list_of_operations_is_named_by_what_it_does(store):
    figure = preview_augmentation(store, parameters(["horizontal_flip"]), seed=0)
    assert figure.get_suptitle() == "horizontal_flip"


def test_images_of_several_labels_have_a_preview(store):
    manifest = store.manifest.assign(
        label=[("red|blue", "green", "blue", "red")[i % 4] for i in range(len(store.manifest))],
        ignored="",
    )
    several = dataclasses.replace(store, manifest=manifest, multi_label=True)
    figure = preview_augmentation(several, parameters(mixup=1.0), seed=0)
    assert any("red, blue" in axes.get_ylabel() for axes in figure.axes)


def test_the_documentation_names_every_policy_and_operation():
    page = (Path(__file__).parents[2] / "docs" / "own_images.md").read_text()
    for name in (*list_policies(), *OPERATIONS):
        assert f"| `{name}` |" in page
