"""The summary of a network adds up."""

import pytest
import torch
from torchvision.models import get_model_weights

from graft.errors import GraftError
from graft.models.backbones import get_backbone
from graft.models.classifier import Classifier, count_parameters
from graft.models.summary import count_multiply_accumulates, layer_summary, stage_summary
from graft.models.tracing import require_image_size


def classifier(name: str, outputs: int, size: int | None = None, **options) -> Classifier:
    """On the meta device: a summary needs no numbers."""
    spec = get_backbone(name)
    with torch.device("meta"):
        net = spec.build(outputs, size, options)
    names = [str(number) for number in range(outputs)]
    return Classifier(net, spec, names, spec.mean, spec.std, size, options)


@pytest.mark.parametrize(("name", "size"), [("resnet20_cifar", 32), ("vit_b_32", 224)])
def test_stages_add_up_to_the_whole(name, size):
    model = classifier(name, 5)
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
    shapes = stage_summary(classifier("resnet20_cifar", 5), 32).set_index("stage")["output_shape"]
    assert shapes["stem"] == "16 × 32 × 32"
    assert shapes["stage3"] == "64 × 8 × 8"


@pytest.mark.parametrize(
    ("name", "size"),
    [("resnet20_cifar", 32), ("vit_b_32", 224), ("swin_t", 224), ("maxvit_t", 224)],
)
def test_layers_add_up_to_the_whole(name, size):
    """Class tokens and projections that attention uses without calling them are not lost."""
    model = classifier(name, 5)
    model.freeze("all_except_last")
    table = layer_summary(model, size).set_index("layer")
    layers, total = table.drop("total"), table.loc["total"]
    assert total.parameters == layers.parameters.sum() == count_parameters(model)
    assert total.trainable_parameters == layers.trainable_parameters.sum()
    assert total.trainable_parameters == count_parameters(model, trainable_only=True)
    assert total.multiply_accumulates == layers.multiply_accumulates.sum()
    assert layers.index.is_unique


def test_the_ablations_layers_are_those_of_the_report():
    """Its table of layers, output shapes and parameters, activations aside."""
    table = layer_summary(classifier("ablation_cnn", 10, 32), 32)
    listed = table[~table.kind.isin(["ReLU", "Flatten", ""])]
    assert list(zip(listed.kind, listed.output_shape, listed.parameters, strict=True)) == [
        ("Conv2d", "6 × 30 × 30", 168),
        ("MaxPool2d", "6 × 15 × 15", 0),
        ("Conv2d", "8 × 13 × 13", 440),
        ("Conv2d", "10 × 13 × 13", 90),
        ("Conv2d", "12 × 13 × 13", 132),
        ("Conv2d", "14 × 13 × 13", 182),
        ("BatchNorm2d", "14 × 13 × 13", 28),
        ("Conv2d", "16 × 13 × 13", 240),
        ("Linear", "1024", 2_769_920),
        ("Linear", "512", 524_800),
        ("BatchNorm1d", "512", 1_024),
        ("Linear", "256", 131_328),
        ("Linear", "10", 2_570),
    ]


@pytest.mark.parametrize(("size", "reported"), [(244, 19_549_180_416), (224, 16_477_800_960)])
def test_multiply_accumulates_are_as_many_as_the_report_says(size, reported):
    model = classifier("configurable_cnn", 10, size, batch_norm=False)
    assert count_multiply_accumulates(model, size) == reported
    assert layer_summary(model, size).multiply_accumulates.iloc[-1] == reported
    assert stage_summary(model, size).multiply_accumulates.iloc[-1] == reported


@pytest.mark.parametrize(
    "name", ["resnet18", "vgg11", "googlenet", "vit_b_32", "swin_t", "convnext_tiny"]
)
def test_multiply_accumulates_are_those_that_torchvision_publishes(name):
    """In billions, three decimals; attention and grouped convolutions among them."""
    meta = get_model_weights(name).DEFAULT.meta
    model = classifier(name, 1000)
    count = count_multiply_accumulates(model, get_backbone(name).input_size)
    assert count / 1e9 == pytest.approx(meta["_ops"], abs=1.1e-3)


def test_operations_are_those_at_the_size_that_the_network_resizes_to():
    resized, as_stored = classifier("resnet20_cifar", 10, 32), classifier("resnet20_cifar", 10)
    assert count_multiply_accumulates(resized, 64) == count_multiply_accumulates(as_stored, 32)
    assert count_multiply_accumulates(as_stored, 64) > 3.9 * count_multiply_accumulates(resized, 64)


def test_a_summary_leaves_the_network_as_it_was():
    spec = get_backbone("resnet20_cifar")
    model = Classifier(spec.build(5), spec, list("abcde"), spec.mean, spec.std)
    model.freeze(["stage3"])
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    layer_summary(model, 32)
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert model.net.stage3.training
    assert not model.net.stage1.training
    assert not any(module._forward_hooks for module in model.modules())


def test_images_that_are_too_small_are_refused_before_any_pass_through():
    with pytest.raises(GraftError, match=r"model\.input_size: alexnet cannot take .* 32 pixels"):
        require_image_size(classifier("alexnet", 10), 32)
    require_image_size(classifier("alexnet_cifar", 10), 32)
