"""Grad-CAM: equal to captum's, on networks of every layout, and honest where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from graft.compute import Compute
from graft.errors import GraftError
from graft.evaluation.explanation import first_layer_filters, grad_cam
from graft.images.conversion import to_float
from graft.models.classifier import Classifier, build_classifier

NAMES = ("cat", "dog", "bird")
HALF = (0.5, 0.5, 0.5)


def network(backbone: str, input_size: int | None = None) -> Classifier:
    model = build_classifier(
        backbone, NAMES, None, dataset_mean=HALF, dataset_std=HALF, input_size=input_size
    )
    return model.eval()


def pictures(count: int = 4, size: int = 32) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("backbone", ["resnet20_cifar", "squeezenet1_1"])
def test_maps_are_those_of_captum(backbone: str, cpu: Compute) -> None:
    attr = pytest.importorskip("captum.attr")
    model, images, classes = network(backbone), pictures(), np.array([0, 1, 2, 1])
    found = grad_cam(model, images, classes, cpu)
    layer = model.net.get_submodule(model.spec.stages(model.net)[found.stage][-1])
    batch = to_float(torch.from_numpy(images).permute(0, 3, 1, 2))
    coarse = attr.LayerGradCam(model, layer).attribute(
        batch, torch.from_numpy(classes), relu_attributions=True
    )
    assert coarse.shape[2:] == found.cells
    fine = F.interpolate(coarse.detach(), size=(32, 32), mode="bilinear")[:, 0].numpy()
    largest = fine.max(axis=(1, 2), keepdims=True)
    assert (largest > 0).any()
    expected = np.divide(fine, largest, out=np.zeros_like(fine), where=largest > 0)
    np.testing.assert_allclose(found.maps, expected, atol=1e-4)


def test_a_map_shows_where_the_class_is(cpu: Compute) -> None:
    """A network that looks for red, and a red square in the upper left corner."""
    model = network("resnet20_cifar")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        # Red goes through every shortcut to channel 24 of the last stage and from there to "dog".
        model.net.conv1.weight[0, 0, 1, 1] = 1.0
        model.net.bn1.weight[0] = 1.0
        model.net.fc.weight[1] = 1.0
    images = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    images[0, :12, :12, 0] = 255
    found = grad_cam(model, images, np.array([1]), cpu).maps[0]
    assert found[:8, :8].min() > 0.5
    assert found[20:, 20:].max() < 0.01


@pytest.mark.parametrize(
    ("backbone", "size", "stage"),
    [("swin_t", 32, None), ("vit_b_32", 224, "layer11")],
)
@pytest.mark.slow
def test_transformers_have_maps(backbone: str, size: int, stage: str | None, cpu: Compute) -> None:
    model = network(backbone, input_size=size)
    with torch.no_grad():
        model.head.weight.normal_()  # a fresh vision transformer's is zero
    found = grad_cam(model, pictures(2, 40), np.array([0, 2]), cpu)
    assert found.maps.shape == (2, 40, 40)
    assert found.cells[0] == found.cells[1] > 1
    assert found.maps.max() <= 1
    assert found.maps.max() > 0
    assert stage in (None, found.stage)


def test_a_network_without_positions_gets_a_reason(cpu: Compute) -> None:
    model = network("fully_connected", input_size=28)
    with pytest.raises(GraftError, match="not available for fully_connected on images of 28"):
        grad_cam(model, pictures(1, 28), np.array([0]), cpu)


def test_weights_gradients_and_modes_stay_as_they_were(cpu: Compute) -> None:
    model = network("resnet20_cifar")
    model.freeze("all_except_last")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grad_cam(model, pictures(2), np.array([0, 1]), cpu)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_each_image_has_the_map_that_it_has_alone(cpu: Compute) -> None:
    model, images, classes = network("resnet20_cifar"), pictures(3), np.array([2, 0, 1])
    together = grad_cam(model, images, classes, cpu).maps
    for k in range(3):
        alone = grad_cam(model, images[k : k + 1], classes[k : k + 1], cpu).maps
        np.testing.assert_allclose(together[k : k + 1], alone, atol=1e-4)


def test_the_first_layer_is_the_one_that_sees_the_picture() -> None:
    model = network("resnet20_cifar")
    path, weights = first_layer_filters(model)
    assert path == "conv1"
    np.testing.assert_array_equal(weights, model.net.conv1.weight.detach().numpy())
