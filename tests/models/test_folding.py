"""A network without batch norms gives what it gave with them, or is left as it is."""

import copy

import pytest
import torch
from torch import nn

from graft.models.classifier import build_classifier
from graft.models.folding import fold_batch_norms

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}


def build(backbone, size=None):
    """Random weights, and batch norms that do something."""
    model = build_classifier(backbone, ["a", "b"], None, **STATISTICS, input_size=size).eval()
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in (
                (module.weight.data, 0.8),
                (module.bias.data, -0.1),
                (module.running_mean, -0.1),
                (module.running_var, 0.8),
            ):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.2 + low)
    return model


def images(size):
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def batch_norms(model):
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def answers(model, images):
    return model(images)


@pytest.mark.parametrize(
    ("backbone", "size", "left"),
    [
        ("resnet20_cifar", 16, 0),
        ("resnet18", 32, 0),
        ("mobilenet_v2", 32, 0),
        ("mobilenet_v3_small", 32, 0),
        ("shufflenet_v2_x0_5", 32, 0),
        ("squeezenet1_1", 32, 0),
        # Batch norm comes first in the blocks of two: many follow no convolution.
        pytest.param("densenet121", 32, 62, marks=pytest.mark.slow),
        pytest.param("efficientnet_b0", 32, 0, marks=pytest.mark.slow),
        pytest.param("regnet_y_400mf", 32, 0, marks=pytest.mark.slow),
        pytest.param("mnasnet0_5", 32, 0, marks=pytest.mark.slow),
        pytest.param("googlenet", 64, 0, marks=pytest.mark.slow),
        pytest.param("maxvit_t", 224, 34, marks=pytest.mark.slow),
    ],
)
def test_it_gives_the_same_without_them(backbone, size, left):
    model = build(backbone, size if backbone == "maxvit_t" else None)
    before = copy.deepcopy(model.state_dict())
    folded = fold_batch_norms(model, images(size), answers)
    assert batch_norms(folded) == left
    with torch.inference_mode():
        expected, found = model(images(size)[:1]), folded(images(size)[:1])
    assert (found - expected).norm() <= 1e-4 * expected.norm()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


class Twice(nn.Module):
    """The convolution's output goes to the batch norm and past it."""

    def __init__(self, inner):
        super().__init__()
        self.conv, self.bn, self.inner = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), inner

    def forward(self, x):
        x = self.conv(x)
        return self.inner(self.bn(x) + x)


def test_an_output_that_is_used_twice_is_noticed():
    model = build("resnet20_cifar")
    model.net = Twice(model.net)
    model.net.bn.running_mean.fill_(0.5)
    assert fold_batch_norms(model.eval(), images(16), answers) is model


def test_a_shared_convolution_keeps_its_batch_norms():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.first, self.second = (
                nn.Conv2d(3, 3, 1),
                nn.BatchNorm2d(3),
                nn.BatchNorm2d(3),
            )

        def forward(self, x):
            return self.second(self.conv(self.first(self.conv(x)))).mean((2, 3))

    model = build("resnet20_cifar")
    model.net = Shared()
    assert fold_batch_norms(model.eval(), images(16), answers) is model


def test_batch_norms_that_learn_stay():
    model = build("resnet20_cifar").train()
    assert fold_batch_norms(model, images(16), answers) is model
