"""Policies are per sample, seeded, the same in any batch, and made of checked parameters."""

import re

import pytest
import torch

from graft.errors import GraftError
from graft.images.augmentation import (
    OPERATIONS,
    POLICIES,
    Policy,
    get_policy,
    list_policies,
    policy_from_parameters,
)
from graft.images.augmentation.crops import HorizontalFlip, RandomCrop
from graft.images.augmentation.erasing import RandomErasing

ALONE = {
    "random_crop": {"padding": 4},
    "rotation": {"degrees": 20},
    "affine": {"degrees": 20, "translate": 0.1, "scale": 0.1, "shear": 10},
    "color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.2},
}


def policy_of(chosen, mixup=0.0, cutmix=0.0):
    return policy_from_parameters({"policy": chosen, "mixup": mixup, "cutmix": cutmix})


EVERYTHING = policy_of([{name: ALONE.get(name)} for name in OPERATIONS])
POLICIES_TO_TEST = {
    **{name: policy_of(name) for name in POLICIES},
    **{f"{name} alone": policy_of([{name: ALONE.get(name)}]) for name in OPERATIONS},
    "everything": EVERYTHING,
}


@pytest.fixture(params=POLICIES_TO_TEST)
def policy(request):
    return POLICIES_TO_TEST[request.param]


def test_the_batch_that_a_sample_comes_in_changes_nothing(images, policy):
    indices = torch.arange(len(images)) * 7
    together = policy.apply(images, indices, seed=5, epoch=2)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1))
    shuffled = policy.apply(images[order], indices[order], seed=5, epoch=2)
    alone = [policy.apply(images[i : i + 1], indices[i : i + 1], 5, 2) for i in range(len(images))]
    assert torch.equal(together[order], shuffled)
    assert torch.equal(together, torch.cat(alone))


def test_the_order_of_the_pixels_in_memory_changes_nothing(images, policy):
    indices = torch.arange(len(images))
    channels_first = policy.apply(images.contiguous(), indices, 0, 1)
    assert torch.equal(channels_first, policy.apply(images, indices, 0, 1))


def test_views_are_bytes_or_floats_on_their_scales(images, policy):
    before = images.clone()
    out = policy.apply(images, torch.arange(len(images)), 0, 1)
    assert out.dtype in (torch.uint8, torch.float32)
    assert 0 <= out.min() <= out.max() <= (1 if out.is_floating_point() else 255)
    assert out.shape[:2] == images.shape[:2]
    assert torch.equal(images, before), "the store's own bytes are not touched"


def test_pixels_never_leave_their_device(images, policy):
    """On torch's device without memory, where every tensor of another device is an error."""
    out = policy.apply(images.to("meta"), torch.arange(len(images)), 0, 1)
    assert out.device.type == "meta"
    assert out.shape == policy.apply(images, torch.arange(len(images)), 0, 1).shape


def test_samples_of_a_batch_differ_from_each_other(images, policy):
    """A transform that draws once a batch gives all the same view."""
    if policy == Policy():
        return
    same = images[16:17].expand(64, -1, -1, -1)
    out = policy.apply(same, torch.arange(64), seed=0, epoch=1)
    different = len({tuple(sample.flatten().tolist()) for sample in out})
    assert different == 2 if policy.operations == (HorizontalFlip(),) else different > 20


def test_epochs_and_seeds_differ(images, policy):
    if policy == Policy():
        return
    first = policy.apply(images, torch.arange(len(images)), seed=0, epoch=1)
    assert torch.equal(first, policy.apply(images, torch.arange(len(images)), 0, 1))
    assert not torch.equal(first, policy.apply(images, torch.arange(len(images)), 0, 2))
    assert not torch.equal(first, policy.apply(images, torch.arange(len(images)), 1, 1))


def test_the_empty_policy_is_the_identity(images):
    out = Policy().apply(images, torch.arange(len(images)), 0, 1)
    assert torch.equal(out, images)


def test_policies_that_share_an_operation_draw_the_same_there(images):
    """Numbers have streams of their own: a flip more does not shift the crops."""
    indices = torch.arange(len(images))
    crop, flip = RandomCrop(padding=2), HorizontalFlip()
    cropped = Policy((crop,)).apply(images, indices, 0, 1)
    both = Policy((crop, flip)).apply(images, indices, 0, 1)
    same, mirrored = (both == cropped).flatten(1).all(1), (both.flip(-1) == cropped).flatten(1)
    assert (same | mirrored.all(1)).all()


def test_an_operation_that_comes_twice_draws_anew(images):
    flip = HorizontalFlip()
    twice = Policy((flip, flip)).apply(images, torch.arange(len(images)), 0, 1)
    assert not torch.equal(twice, images)


@pytest.mark.parametrize("name", list_policies())
def test_a_policy_survives_its_parameters(name):
    policy = policy_of(name, mixup=0.2, cutmix=1.0)
    assert policy_from_parameters(policy.as_parameters()) == policy
    assert policy.operations == get_policy(name).operations
    assert get_policy(name).description
    assert policy.describe().endswith("mixup 0.2, cutmix 1")


def test_parameters_may_name_operations_and_their_fields():
    policy = policy_of(
        ["horizontal_flip", {"random_crop": {"padding": 4}}, {"random_erasing": None}]
    )
    assert policy == Policy((HorizontalFlip(), RandomCrop(padding=4), RandomErasing()))
    assert policy.describe() == "horizontal_flip, random_crop (padding 4), random_erasing"


def test_the_policies_of_the_reports_are_theirs():
    described = {name: policy_of(name).describe() for name in POLICIES if "report" in name}
    assert described == {
        "report_flowers": "random_crop (share 0.8), horizontal_flip, "
        "affine (degrees 90, interpolation nearest)",
        "report_voc2007": "color_jitter (saturation 0.05, hue 0.05), horizontal_flip, "
        "rotation (degrees 20)",
        "report_inaturalist": "horizontal_flip, rotation (degrees 10, interpolation nearest), "
        "color_jitter (brightness 0.2, contrast 0.2)",
        "report_cifar10": "random_crop (padding 4), horizontal_flip",
        "report_cifar10_jitter": "random_crop (padding 4), horizontal_flip, "
        "color_jitter (brightness 0.2, contrast 0.2, saturation 0.2), "
        "rotation (degrees 10, interpolation nearest)",
    }


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("flip_corp", "augmentation.policy: there is no policy 'flip_corp'; did you mean 'flip_"),
        (3, "augmentation.policy is 3; it should be a policy's name or a list"),
        (["horizontal_flop"], "there is no operation 'horizontal_flop'; did you mean 'horizontal_"),
        ([{"random_crop": {"pading": 4}}], "random_crop has no field 'pading'; did you mean 'pad"),
        ([{"random_crop": 4}], "random_crop takes fields and values, not 4"),
        ([{"random_crop": {}, "rotation": {}}], "is no operation"),
        ([["rotation"]], "is no operation"),
        ([{"trivial_augment": {"magnitude": 3}}], "Fields: none"),
        ([{"random_crop": {"padding": -1}}], "random_crop.padding is -1; it should be a whole"),
        ([{"random_crop": {"padding": 1.5}}], "random_crop.padding is 1.5"),
        ([{"random_crop": {"padding": True}}], "random_crop.padding is True"),
        ([{"random_crop": {"share": 0}}], "random_crop.share is 0; it should be a number from"),
        ([{"random_crop": {"fill": 256}}], "random_crop.fill is 256"),
        ([{"horizontal_flip": {"probability": 1.1}}], "horizontal_flip.probability is 1.1"),
        ([{"random_resized_crop": {"area": [0.5, 0.1]}}], "random_resized_crop.area is [0.5, 0.1]"),
        ([{"random_resized_crop": {"aspect": 1}}], "random_resized_crop.aspect is 1"),
        ([{"rotation": {"degrees": "ten"}}], "rotation.degrees is 'ten'"),
        ([{"rotation": {"degrees": float("nan")}}], "rotation.degrees is nan"),
        ([{"affine": {"degrees": 5, "interpolation": "cubic"}}], "be 'bilinear' or 'nearest'"),
        ([{"affine": {"scale": 1}}], "affine.scale is 1"),
        ([{"color_jitter": {"hue": 0.6}}], "color_jitter.hue is 0.6; it should be a number from 0"),
        ([{"random_erasing": {"fill": "black"}}], "random_erasing.fill is 'black'"),
        (["random_crop"], "random_crop would change nothing: set padding or share."),
        (["affine"], "affine would change nothing: set degrees or"),
        ([{"color_jitter": {}}], "color_jitter would change nothing: set brightness or"),
        (["rotation"], "rotation needs its field 'degrees'"),
        ([{"rand_augment": {"magnitude": 31}}], "rand_augment.magnitude is 31"),
        ([{"rand_augment": {"num_ops": 0}}], "rand_augment.num_ops is 0"),
    ],
)
def test_wrong_parameters_are_named(chosen, message):
    with pytest.raises(GraftError, match=re.escape(message)) as caught:
        policy_of(chosen)
    assert str(caught.value).startswith("augmentation.policy")


@pytest.mark.parametrize("alpha", [-0.1, float("inf"), float("nan"), "0.2"])
def test_wrong_alphas_are_named(alpha):
    with pytest.raises(GraftError, match=r"augmentation\.cutmix"):
        policy_of("none", cutmix=alpha)
