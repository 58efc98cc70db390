"""The two parts of a network do together what the whole does."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from graft.models.classifier import build_classifier
from graft.models.splitting import split, whole_state


def build(name, freezing, size=32):
    model = build_classifier(
        name,
        ["a", "b", "c"],
        None,
        dataset_mean=(0.5, 0.5, 0.5),
        dataset_std=(0.2, 0.2, 0.2),
        input_size=None if name == "resnet20_cifar" else size,
    )
    model.freeze(freezing)
    return model.to(memory_format=torch.channels_last)


def pixels(size=32, count=3):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, size, size, generator=generator)
    return images.to(memory_format=torch.channels_last)


SMALL = ("resnet20_cifar", "squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small")
LARGE = ("convnext_tiny", "densenet121", "efficientnet_b0", "resnet18", "swin_t", "vit_b_32")


@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]
)
def test_parts_give_what_the_whole_gives(name):
    """In training, too, with its random numbers, its batches' statistics and its gradients."""
    size = 224 if name.startswith("vit") else 32
    images = pixels(size)
    model = build(name, "none", size)
    for freezing in ("all_except_last", "all_except_1"):
        model.freeze(freezing)
        parts = split(model, images)
        assert not isinstance(parts, str), parts
        assert parts.saved > 0.1
        assert set(parts.trained.stage_names()) == {
            stage for stage in model.stage_names() if [*model.stage_parameters(stage)]
        }
        trained = {id(p) for p in model.parameters() if p.requires_grad}
        assert {id(p) for p in parts.trained.parameters() if p.requires_grad} == trained
        whole = copy.deepcopy(model).train()
        torch.manual_seed(1)
        expected = whole(images)
        expected.square().sum().backward()
        with torch.inference_mode():
            activations = parts.frozen.eval()(images)
        assert activations.is_contiguous()
        torch.manual_seed(1)
        found = parts.trained.train()(activations.clone())
        found.square().sum().backward()
        torch.testing.assert_close(found, expected)
        pairs = zip(model.named_parameters(), whole.parameters(), strict=True)
        for (path, one), other in pairs:
            assert (one.grad is None) == (other.grad is None), path
            if one.grad is not None:
                torch.testing.assert_close(one.grad, other.grad)
        for one, other in zip(model.buffers(), whole.buffers(), strict=True):
            torch.testing.assert_close(one, other)
        model.zero_grad(set_to_none=True)


def test_a_copy_of_the_trained_part_has_weights_of_its_own():
    """As a moving average needs it."""
    model = build("resnet20_cifar", "first_2")
    images = pixels()
    parts = split(model, images)
    copied = copy.deepcopy(parts.trained).eval()
    activations = parts.frozen.eval()(images)
    before = copied(activations)
    with torch.no_grad():
        model.head.weight.add_(1.0)
    assert torch.equal(copied(activations), before)
    assert not torch.allclose(parts.trained.eval()(activations), before)


def test_what_is_frozen_stays_so_behind_what_is_trained():
    model = build("resnet20_cifar", ["stage2"])
    parts = split(model, pixels())
    assert parts.last == "stage1"
    parts.trained.train()
    assert model.net.stage2.training
    assert not model.net.stage3.training


def test_the_state_of_a_part_is_put_into_the_whole():
    model = build("resnet20_cifar", "all_except_1")
    parts = split(model, pixels())
    state = {name: tensor + 1 for name, tensor in parts.trained.net.state_dict().items()}
    assert {name.split(".")[0] for name in state} == {"stage3", "fc"}
    whole = whole_state(model, state)
    assert list(whole) == list(model.net.state_dict())
    for name, tensor in model.net.state_dict().items():
        assert torch.equal(whole[name], tensor + 1 if name in state else tensor)


class Forked(nn.Module):
    """Two tensors go from the first layers to the last."""

    def __init__(self, decides=False):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
        self.fc = nn.Linear(4, 3)
        self.decides = decides

    def forward(self, x):
        first = self.conv1(x)
        if self.decides and first.mean() > 100:
            first = -first
        return self.fc((self.conv2(first) + first.relu()).mean((2, 3)))


@pytest.mark.parametrize(
    ("decides", "freezing", "reason"),
    [
        (False, ["stage2"], "more than one tensor"),
        (True, "all_except_last", "cannot be written as a graph"),
        (False, ["stage1"], "first layers are trained"),
        (False, "none", "first layers are trained"),
    ],
)
def test_it_says_why_there_is_no_cut(decides, freezing, reason):
    model = build("resnet20_cifar", "none")
    model.net = Forked(decides)
    stages = {"stage1": ("conv1",), "stage2": ("conv2",)}
    model.spec = dataclasses.replace(model.spec, stages=lambda _: stages)
    model.freeze(freezing)
    assert reason in split(model, pixels())
