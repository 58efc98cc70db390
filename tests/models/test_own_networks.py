"""Our own networks: as many parameters as reported, and everything that a spec promises."""

import importlib
import pkgutil

import pytest
import torch
from torch import nn

from graft.errors import GraftError
from graft.models import own
from graft.models.backbones import get_backbone, list_backbones
from graft.models.classifier import Classifier, build_classifier, count_parameters
from graft.models.own import list_own_backbones
from graft.probes.extraction import tap_outputs

STATISTICS = {"dataset_mean": (0.5, 0.5, 0.5), "dataset_std": (0.2, 0.2, 0.2)}
N1 = {"filter_strategy": "halving", "base_filters": 32, "kernel_size": 3, "dense_neurons": 256}


def on_meta(name: str, outputs: int, size: int | None = None, **options) -> nn.Module:
    with torch.device("meta"):
        return get_backbone(name).build(outputs, size, options)


def shape(net: nn.Module, size: int) -> tuple[int, ...]:
    return tuple(net.eval()(torch.empty(2, 3, size, size, device="meta")).shape)


def small(name: str, size: int | None = None, **options) -> Classifier:
    """A classifier of two classes on the CPU."""
    size = size or get_backbone(name).input_size
    return build_classifier(
        name, ["a", "b"], None, **STATISTICS, input_size=size, options=options
    ).eval()


@pytest.mark.parametrize(
    ("name", "outputs", "options", "reported"),
    [
        ("first_net", 5, {}, 1_823_623),
        ("second_net", 5, {}, 7_669_480),
        ("ablation_cnn", 10, {"normalisation": "batch"}, 3_430_922),
        ("ablation_cnn", 10, {"normalisation": "dropout"}, 3_429_870),
        ("ablation_cnn", 10, {"normalisation": "none"}, 3_429_870),
        ("simple_classifier", 21, {}, 1_337_941),
        ("alexnet_bn", 21, {}, 57_092_181),
        ("configurable_cnn", 10, {**N1, "batch_norm": False}, 1_985_770),
        ("configurable_cnn", 10, {**N1, "batch_norm": True}, 1_987_754),
    ],
)
def test_parameters_are_as_many_as_the_report_says(name, outputs, options, reported):
    assert count_parameters(on_meta(name, outputs, **options)) == reported


def test_the_configurable_cnn_has_as_many_parameters_at_244_as_at_224():
    """The report's operations are those at 244 pixels, its parameters cannot tell the two apart."""
    at_244 = on_meta("configurable_cnn", 10, 244, **N1, batch_norm=False)
    assert count_parameters(at_244) == 1_985_770


@pytest.mark.parametrize(
    ("options", "added"),
    [
        ({"batch_norms": 0}, 0),
        ({"batch_norms": 1}, 2 * 64),
        ({"batch_norms": 3}, 2 * (64 + 192 + 384)),
        ({"batch_norms": 5}, 2 * (64 + 192 + 384 + 256 + 256)),
        ({"extra_convolutions": 2}, 2304 + 2 * (384 * 384 * 9 + 384)),
        (
            {"extra_convolutions": 5},
            2304 + 2 * (384 * 384 * 9 + 384) + 3 * (256 * 256 * 9 + 256),
        ),
    ],
)
def test_each_step_of_the_ablation_adds_to_alexnet(options, added):
    alexnet = count_parameters(on_meta("alexnet", 20))
    step = on_meta("alexnet_bn", 20, **options)
    assert count_parameters(step) == alexnet + added
    assert shape(step, 227) == (2, 20)


def test_alexnet_without_additions_is_torchvisions():
    """The same layers one after the other, so that the ablation begins where the report does."""

    def layers(net: nn.Module) -> list[str]:
        plain = (nn.Sequential, nn.Flatten)
        return [str(m) for m in net.modules() if not list(m.children()) and type(m) not in plain]

    ours = on_meta("alexnet_bn", 20, batch_norms=0)
    assert layers(ours) == layers(on_meta("alexnet", 20))


@pytest.mark.parametrize("name", list_own_backbones())
def test_it_answers_for_any_number_of_classes(name):
    size = get_backbone(name).input_size
    assert shape(on_meta(name, 7), size) == (2, 7)


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("configurable_cnn", 40, {"filter_strategy": "same", "base_filters": 4}),
        ("configurable_cnn", 32, {"filter_strategy": "doubling", "base_filters": 2}),
        ("configurable_cnn", 64, {"kernel_size": [5, 3, 3, 1, 7], "activation": "gelu"}),
        ("basic_cnn", 28, {"grey": True}),
        ("basic_cnn", 32, {}),
        ("basic_cnn", 28, {"reduction": "stride"}),
        ("basic_cnn", 27, {"reduction": "stride"}),
        ("basic_cnn", 28, {"reduction": "average_pool"}),
        ("basic_cnn", 28, {"kernel_sizes": [5, 5]}),
        ("basic_cnn", 29, {"kernel_sizes": [3, 9]}),
        ("basic_cnn", 28, {"dilation": 2}),
        ("fully_connected", 28, {"grey": True}),
        ("fully_connected", 32, {"neurons": [1024] * 9, "batch_norm": True}),
        ("two_block_cnn", 33, {}),
        ("alexnet_cifar", 32, {}),
        ("resnet18_cifar", 32, {}),
        ("resnet18", 32, {}),
        ("vgg16", 32, {}),
    ],
)
def test_its_variants_take_the_size_that_they_are_made_for(name, size, options):
    assert shape(on_meta(name, 3, size, **options), size) == (2, 3)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "sigmoid", "gelu", "silu"])
def test_the_activation_is_the_chosen_one(activation):
    kinds = {
        type(m).__name__.lower()
        for m in on_meta("ablation_cnn", 2, activation=activation).modules()
    }
    assert kinds & {"identity", "relu", "tanh", "sigmoid", "gelu", "silu"} == {activation}


def test_without_an_activation_the_ablation_is_linear_up_to_its_max_pool():
    model = small("ablation_cnn", activation="identity", normalisation="none")
    features = model.net[1:]
    x, y = torch.randn(2, 1, 6, 15, 15).unbind()
    zero = features(torch.zeros_like(x))
    torch.testing.assert_close(features(x + y) + zero, features(x) + features(y))


def test_strategies_set_the_filters_of_every_layer():
    def filters(**options) -> list[int]:
        net = on_meta("configurable_cnn", 10, 64, **options)
        return [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]

    assert filters(filter_strategy="same", base_filters=16) == [16] * 5
    assert filters(filter_strategy="doubling", base_filters=16) == [16, 32, 64, 128, 256]
    assert filters(filter_strategy="halving", base_filters=32) == [512, 256, 128, 64, 32]


def test_grey_networks_look_at_brightness_only():
    model = small("basic_cnn", 12, grey=True)
    image = torch.rand(1, 3, 12, 12)
    torch.testing.assert_close(model(image), model(image.flip(1)))
    coloured = small("basic_cnn", 12)
    assert not torch.allclose(coloured(image), coloured(image.flip(1)))


def test_the_reports_batch_norm_makes_predictions_depend_on_the_batch():
    """As in the report, and switched off by one option."""

    def first_stage(**options) -> nn.Module:
        stage = on_meta("alexnet_bn", 2, **options).conv1.to_empty(device="cpu").eval()
        for layer in stage[:2]:
            layer.reset_parameters()
        return stage

    images = torch.rand(3, 3, 67, 67)
    with torch.inference_mode():
        reported = first_stage()
        assert not torch.allclose(reported(images)[:1], reported(images[:1]), atol=1e-3)
        usual = first_stage(running_statistics=True)
        torch.testing.assert_close(usual(images)[:1], usual(images[:1]))


def test_alexnet_for_small_images_takes_the_published_weights():
    """Same names and shapes, and the same function where the first pool is not reached."""
    published, changed = on_meta("alexnet", 1000), on_meta("alexnet_cifar", 1000)
    assert [(k, v.shape) for k, v in published.state_dict().items()] == [
        (k, v.shape) for k, v in changed.state_dict().items()
    ]
    with pytest.raises(RuntimeError, match="too small"):
        shape(published, 32)


@pytest.mark.parametrize("size", [None, 32])
def test_a_network_for_one_size_refuses_others(size):
    with pytest.raises(GraftError, match=r"model\.input_size.*144"):
        build_classifier("first_net", ["a", "b"], None, **STATISTICS, input_size=size)


def test_a_network_made_for_a_size_wants_to_know_it():
    with pytest.raises(GraftError, match=r"model\.input_size.*basic_cnn"):
        build_classifier("basic_cnn", ["a", "b"], None, **STATISTICS)


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("configurable_cnn", 31, {}),
        ("basic_cnn", 5, {}),
        ("basic_cnn", 16, {"dilation": 2, "kernel_sizes": [5, 5]}),
        ("two_block_cnn", 3, {}),
    ],
)
def test_images_that_are_too_small_are_refused(name, size, options):
    with pytest.raises(GraftError, match=rf"{size} pixels"):
        on_meta(name, 2, size, **options)


@pytest.mark.parametrize("name", list_own_backbones())
def test_every_parameter_belongs_to_one_stage_or_the_head(name):
    spec, net = get_backbone(name), on_meta(name, 3)
    paths = [path for paths in spec.stages(net).values() for path in paths]
    for parameter, _ in net.named_parameters():
        owners = [p for p in [*paths, spec.head] if parameter.startswith(p + ".")]
        assert len(owners) == 1, parameter


SMALL = [
    ("first_net", 144, {}),
    ("ablation_cnn", 32, {}),
    ("ablation_cnn", 32, {"normalisation": "dropout"}),
    ("configurable_cnn", 32, {"base_filters": 4}),
    ("fully_connected", 8, {"batch_norm": True}),
    ("basic_cnn", 12, {}),
    ("two_block_cnn", 8, {}),
]


@pytest.mark.parametrize(("name", "size", "options"), SMALL)
def test_frozen_means_frozen(name, size, options):
    """No gradient, no batch-norm statistics, no dropout outside the head, after .train() too."""
    model = small(name, size, **options)
    model.freeze("all_except_last")
    model.train()
    images = torch.rand(4, 3, size, size)
    before = {key: value.clone() for key, value in model.net.state_dict().items()}
    model.zero_grad()
    first = model(images)
    first.sum().backward()
    torch.testing.assert_close(model(images), first)
    learning = {key for key, p in model.net.named_parameters() if p.grad is not None}
    assert learning == {"head.weight", "head.bias"}
    assert all(torch.equal(value, before[key]) for key, value in model.net.state_dict().items())


@pytest.mark.parametrize(("name", "size", "options"), SMALL)
def test_taps_of_all_stages_give_a_row_an_image(name, size, options):
    model = small(name, size, **options)
    taps = ("pooled", "logits", *model.stage_names())
    with torch.inference_mode():
        outputs = tap_outputs(model, torch.rand(2, 3, size, size), taps)
        torch.testing.assert_close(model.head(outputs["pooled"]), outputs["logits"])
    assert all(o.ndim == 2 and len(o) == 2 and o.isfinite().all() for o in outputs.values())


def test_every_network_in_the_package_is_registered():
    modules = [
        importlib.import_module(f"{own.__name__}.{module.name}")
        for module in pkgutil.iter_modules(own.__path__)
    ]
    specs = [spec.name for module in modules for spec in getattr(module, "SPECS", ())]
    assert sorted(specs) == sorted(list_own_backbones())
    assert set(specs) < set(list_backbones())
