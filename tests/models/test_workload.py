"""What a network has to do is what its layers say."""

import pytest
import torch

from graft.models.backbones import get_backbone
from graft.models.classifier import Classifier, count_parameters
from graft.models.summary import count_multiply_accumulates
from graft.models.workload import workload_of


@pytest.mark.parametrize(
    ("name", "size", "is_plain"),
    [
        ("resnet20_cifar", 32, True),
        ("ablation_cnn", 32, True),
        ("mobilenet_v2", 32, False),
        ("vit_b_32", 224, False),
        ("swin_t", 32, False),
    ],
)
def test_workload_of(name, size, is_plain):
    spec = get_backbone(name)
    with torch.device("meta"):
        net = spec.build(3, size)
    model = Classifier(net, spec, "abc", spec.mean, spec.std, size)
    workload = workload_of(model, 16)
    assert workload.multiply_accumulates == count_multiply_accumulates(model, 16)
    assert workload.parameters == count_parameters(model)
    assert workload.is_plain is is_plain


def test_filters_and_maps_are_those_of_convolutions():
    spec = get_backbone("resnet20_cifar")
    net = spec.build(3, 32)
    workload = workload_of(Classifier(net, spec, "abc", spec.mean, spec.std, 32), 16)
    assert workload.filters == sum(p.numel() for p in net.parameters() if p.ndim == 4)
    stages = 7 * 16 * 32**2 + 6 * 32 * 16**2 + 6 * 64 * 8**2
    shortcuts = workload.maps - stages
    assert shortcuts in (0, 32 * 16**2 + 64 * 8**2)
