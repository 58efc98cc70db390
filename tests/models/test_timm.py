"""timm's networks, where it is installed; and what is said where it is not."""

import sys

import pytest
import torch
from torch import nn

from graft.errors import GraftError
from graft.models.backbones import get_backbone
from graft.models.classifier import Classifier, build_classifier
from graft.models.summary import stage_summary
from graft.models.weights import load_weights
from graft.probes.extraction import tap_outputs

# Convolutions, tokens, channels last, a head in a block, a convolution for a head, no grouping.
NETWORKS = {
    "timm:resnet10t": 64,
    "timm:vit_tiny_patch16_224": 224,
    "timm:swin_tiny_patch4_window7_224": 224,
    "timm:convnext_atto": 64,
    "timm:efficientvit_b0": 64,
    "timm:dla34": 64,
    "timm:poolformerv2_s12": 64,
    "timm:mobilenetv3_small_050.lamb_in1k": 64,
}


def test_without_timm_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    get_backbone("resnet18")
    with pytest.raises(GraftError, match=r"pip install 'graft\[timm\]'"):
        get_backbone("timm:resnet18d")


@pytest.fixture
def timm():
    return pytest.importorskip("timm", reason="timm is an optional extra and not installed")


def on_meta(name: str) -> Classifier:
    spec = get_backbone(name)
    with torch.device("meta"):
        return Classifier(spec.build(3), spec, list("abc"), spec.mean, spec.std).eval()


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_belongs_to_one_stage_or_the_head(name):
    model = on_meta(name)
    spec = model.spec
    assert spec.name == name
    assert isinstance(model.head, nn.Linear | nn.Conv2d)
    paths = [path for paths in spec.stages(model.net).values() for path in paths]
    for parameter, _ in model.net.named_parameters():
        owners = [p for p in [*paths, spec.head] if parameter == p or parameter.startswith(p + ".")]
        assert len(owners) == 1, parameter


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize("name", NETWORKS)
def test_taps_of_all_stages_give_a_row_an_image(name):
    model, size = on_meta(name), NETWORKS[name]
    taps = ("pooled", "logits", *model.stage_names())
    with torch.inference_mode():
        outputs = tap_outputs(model, torch.empty(2, 3, size, size, device="meta"), taps)
    assert all(output.ndim == 2 and len(output) == 2 for output in outputs.values())
    table = stage_summary(model, size).set_index("stage")
    assert table.parameters.drop("total").sum() == table.loc["total", "parameters"]


@pytest.mark.usefixtures("timm")
def test_the_stages_are_timms_own():
    assert on_meta("timm:resnet10t").stage_names() == (
        *("stem", "stage1", "stage2", "stage3", "stage4"),
    )
    assert on_meta("timm:vit_tiny_patch16_224").stage_names() == (
        *("stem", *(f"stage{number}" for number in range(1, 13))),
    )


@pytest.mark.usefixtures("timm")
def test_channels_last_and_class_tokens_are_known():
    assert get_backbone("timm:mixer_s32_224").layout == "NCHW"
    assert get_backbone("timm:swin_tiny_patch4_window7_224").layout == "NHWC"
    assert get_backbone("timm:vit_tiny_patch16_224").layout == "tokens"
    assert get_backbone("timm:vit_tiny_patch16_224").sizes == "fixed"


@pytest.mark.usefixtures("timm")
def test_frozen_means_frozen():
    spec = get_backbone("timm:resnet10t")
    model = Classifier(spec.build(3), spec, list("abc"), spec.mean, spec.std)
    model.freeze("all_except_last")
    model.train()
    before = {key: value.clone() for key, value in model.net.state_dict().items()}
    model(torch.rand(2, 3, 64, 64)).sum().backward()
    learning = {key for key, p in model.net.named_parameters() if p.grad is not None}
    assert learning == {"fc.weight", "fc.bias"}
    assert all(torch.equal(value, before[key]) for key, value in model.net.state_dict().items())


def test_published_weights_come_with_their_normalisation_and_a_fresh_head(timm, monkeypatch):
    published = timm.create_model("resnet10t", num_classes=1000)

    def create(name, pretrained=False, **options):
        return published if pretrained else timm.models.create_model(name, **options)

    monkeypatch.setattr(timm, "create_model", create)
    weights = load_weights("timm:resnet10t", "DEFAULT")
    assert weights.mean == pytest.approx((0.485, 0.456, 0.406))
    model = build_classifier(
        "timm:resnet10t",
        ["a", "b"],
        weights,
        dataset_mean=(0.5, 0.5, 0.5),
        dataset_std=(0.2, 0.2, 0.2),
    )
    assert torch.equal(model.net.conv1[0].weight, published.conv1[0].weight)
    assert model.head.out_features == 2


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("timm:resnet_10t", r"Did you mean timm:resnet10t"),
        ("timm:resnet50.wrong_tag", r"wrong_tag"),
        ("timm:deit_tiny_distilled_patch16_224", r"head_dist"),
    ],
)
def test_networks_that_are_not_to_be_had_are_named(name, says):
    with pytest.raises(GraftError, match=says):
        get_backbone(name)


@pytest.mark.usefixtures("timm")
def test_weights_that_timm_has_not_are_named():
    with pytest.raises(GraftError, match=r"model\.weights.*DEFAULT"):
        load_weights("timm:resnet50", "IMAGENET1K_V1")
