"""Every backbone's spec is true: head, stages, taps, freezing."""

import pytest
import torch
import torchvision
from torch import nn

from graft.errors import GraftError
from graft.models.backbones import get_backbone, list_backbones
from graft.models.classifier import Classifier, count_parameters
from graft.models.own import list_own_backbones
from graft.probes.extraction import tap_outputs

# One small member of each family, with the smallest input that it takes.
SMALL_MEMBERS = {
    "resnet20_cifar": 32,
    "densenet121": 32,
    "efficientnet_b0": 32,
    "googlenet": 32,
    "mnasnet0_5": 32,
    "mobilenet_v2": 32,
    "mobilenet_v3_small": 32,
    "regnet_y_400mf": 32,
    "resnet18": 32,
    "shufflenet_v2_x0_5": 32,
    "squeezenet1_1": 32,
    "swin_t": 32,
}
LARGE_MEMBERS = {
    "alexnet": 64,
    "alexnet_bn": 67,
    "alexnet_cifar": 32,
    "convnext_tiny": 32,
    "efficientnet_v2_s": 32,
    "inception_v3": 75,
    "swin_v2_t": 32,
    "maxvit_t": 224,
    "resnet18_cifar": 32,
    "resnext50_32x4d": 32,
    "simple_classifier": 227,
    "vgg11_bn": 32,
    "vit_b_32": 224,
    "wide_resnet50_2": 32,
}
FAMILY_MEMBERS = SMALL_MEMBERS | LARGE_MEMBERS
members = pytest.mark.parametrize(
    "name", [*SMALL_MEMBERS, *(pytest.param(n, marks=pytest.mark.slow) for n in LARGE_MEMBERS)]
)


def device_to_build(name: str) -> torch.device:
    """Where nothing is computed, but for RegNets: their widths are computed with tensors."""
    return torch.device("cpu" if name.startswith("regnet") else "meta")


def make(name: str, classes: int = 3) -> Classifier:
    spec = get_backbone(name)
    torch.manual_seed(0)
    names = [f"class {i}" for i in range(classes)]
    return Classifier(spec.build(classes), spec, names, spec.mean, spec.std)


def test_all_of_torchvisions_classifiers_are_there():
    assert set(list_backbones()) == {
        *list_own_backbones(),
        *torchvision.models.list_models(module=torchvision.models),
    }


def test_every_family_has_a_member_here():
    from graft.models.torchvision_families import FAMILIES

    for family in FAMILIES:
        assert any(name.startswith(family.prefixes) for name in FAMILY_MEMBERS), family.prefixes


def test_a_misspelt_backbone_names_the_nearest():
    with pytest.raises(GraftError, match="resnet50"):
        get_backbone("resnet_50")


def test_resnet20_has_the_papers_parameters():
    net = get_backbone("resnet20_cifar").build(10)
    # 0.27 M in table 6; exactly this many with batch norm and shortcuts of option A.
    assert count_parameters(net) == 269_722


def require_one_owner_each(net, spec):
    paths = [path for paths in spec.stages(net).values() for path in paths]
    for parameter, _ in net.named_parameters():
        owners = [p for p in [*paths, spec.head] if parameter == p or parameter.startswith(p + ".")]
        assert len(owners) == 1, parameter


@pytest.mark.parametrize("name", SMALL_MEMBERS)
def test_every_parameter_belongs_to_one_stage_or_the_head(name):
    spec = get_backbone(name)
    with device_to_build(name):
        net = spec.build(3)
    require_one_owner_each(net, spec)


@pytest.mark.slow
@pytest.mark.parametrize("name", torchvision.models.list_models(module=torchvision.models))
def test_all_of_torchvisions_classifiers_are_as_their_specs_say(name):
    """Owners of parameters, taps of all stages and the size, without computing anything."""
    spec = get_backbone(name)
    with device_to_build(name):
        model = Classifier(spec.build(3), spec, list("abc"), spec.mean, spec.std)
    require_one_owner_each(model.net, spec)
    assert isinstance(model.head, nn.Linear | nn.Conv2d)
    model = model.to("meta").eval()
    taps = ("pooled", "logits", *model.stage_names())
    with torch.inference_mode():
        images = torch.empty(2, 3, spec.input_size, spec.input_size, device="meta")
        outputs = tap_outputs(model, images, taps)
    assert all(output.ndim == 2 and len(output) == 2 for output in outputs.values())
    assert outputs["logits"].shape[1] == 3


@members
def test_frozen_means_frozen(name):
    """Only the head changes: no gradient, no batch-norm statistics, no dropout in the rest."""
    model = make(name)
    model.freeze("all_except_last")
    model.train()
    before = {key: value.clone() for key, value in model.net.state_dict().items()}
    size = FAMILY_MEMBERS[name]
    images = torch.rand(2, 3, size, size)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model(images).sum().backward()  # the head's bias has a gradient whatever the activations are
    optimizer.step()
    changed = {k for k, v in model.net.state_dict().items() if not torch.equal(v, before[k])}
    head = model.spec.head
    assert changed <= {f"{head}.weight", f"{head}.bias"}
    assert changed, "the head learns"
    trainable = count_parameters(model, trainable_only=True)
    assert trainable == sum(p.numel() for p in model.head.parameters())


@members
def test_taps_of_all_stages_give_a_row_an_image(name):
    model = make(name).eval()
    size = FAMILY_MEMBERS[name]
    taps = ("pooled", "logits", *model.stage_names())
    with torch.inference_mode():
        outputs = tap_outputs(model, torch.rand(2, 3, size, size), taps)
    assert list(outputs) == list(taps)
    assert all(o.ndim == 2 and len(o) == 2 and o.isfinite().all() for o in outputs.values())
    assert outputs["logits"].shape[1] == 3


def test_pooled_features_are_what_the_head_reads():
    model = make("resnet18").eval()
    with torch.inference_mode():
        outputs = tap_outputs(model, torch.rand(4, 3, 32, 32), ("pooled", "logits"))
        torch.testing.assert_close(model.head(outputs["pooled"]), outputs["logits"])


def test_chosen_stages_are_trained_and_the_others_are_not():
    model = make("resnet20_cifar")
    model.freeze(["stage3"])
    trained = {name.split(".")[0] for name, p in model.net.named_parameters() if p.requires_grad}
    assert trained == {"stage3", "fc"}
    assert not model.train().net.stage1.training
    assert model.net.stage3.training
    model.freeze("none")
    assert all(p.requires_grad for p in model.parameters())
    assert model.train().net.stage1.training


def test_an_unknown_stage_lists_the_known_ones():
    with pytest.raises(GraftError, match="stem, stage1, stage2, stage3"):
        make("resnet20_cifar").freeze(["layer4"])
