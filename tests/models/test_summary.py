"""The summary of a network adds up."""

import pytest

from graft.models.backbones import get_backbone
from graft.models.classifier import Classifier, count_parameters
from graft.models.summary import stage_summary


@pytest.mark.parametrize(("name", "size"), [("resnet20_cifar", 32), ("vit_b_32", 224)])
def test_stages_add_up_to_the_whole(name, size):
    spec = get_backbone(name)
    model = Classifier(spec.build(5), spec, list("abcde"), spec.mean, spec.std)
    model.freeze("all_except_last")
    table = stage_summary(model, size).set_index("stage")
    assert list(table.index) == [*model.stage_names(), "head", "total"]
    assert table.loc["total", "parameters"] == count_parameters(model)
    assert table.loc["total", "trainable_parameters"] == count_parameters(
        model, trainable_only=True
    )
    assert table.loc["head", "trained"] == "yes"
    assert table.loc["stem", "trained"] == "no"
    assert table.loc["head", "output_shape"] == "5"


def test_shapes_are_those_at_the_images_size():
    spec = get_backbone("resnet20_cifar")
    model = Classifier(spec.build(5), spec, list("abcde"), spec.mean, spec.std)
    shapes = stage_summary(model, 32).set_index("stage")["output_shape"]
    assert shapes["stem"] == "16 × 32 × 32"
    assert shapes["stage3"] == "64 × 8 × 8"
