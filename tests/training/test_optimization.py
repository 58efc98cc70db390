"""Every trainable parameter is in one group, at the rate and decay that the recipe gives it."""

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from graft.errors import GraftError
from graft.models.classifier import build_classifier
from graft.models.lora import LoRA, LowRank
from graft.training.optimization import build_optimizer, parameter_groups
from graft.training.recipe import TrainingRecipe
from graft.training.state import optimizer_state, restore_optimizer

from .small_networks import small_classifier

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(learning_rate=0.5, backbone_learning_rate_factor=0.1)


def network(freezing="none"):
    model = build_classifier("resnet20_cifar", ["a", "b"], None, **STATISTICS)
    model.freeze(freezing)
    return model


def by_name(model, groups, what):
    """What each trainable parameter's group says, by the parameter's name."""
    names = {id(parameter): name for name, parameter in model.net.named_parameters()}
    found = [(names[id(p)], group.get(what)) for group in groups for p in group["params"]]
    trainable = {name for name, p in model.net.named_parameters() if p.requires_grad}
    assert len(found) == len(trainable)
    assert {name for name, _ in found} == trainable
    return dict(found)


def test_stages_learn_at_rates_of_their_own_over_the_heads():
    """Trials 16 to 18 of the reports: the last stage a hundredth of the head's rate."""
    model = network(["stage2", "stage3"])
    recipe = dataclasses.replace(RECIPE, stage_learning_rates={"stage3": 0.01})
    rates = by_name(model, build_optimizer(model, recipe).param_groups, "lr")
    expected = {"fc": 0.5, "stage2": 0.05, "stage3": 0.005}
    assert {name: expected[name.split(".")[0]] for name in rates} == pytest.approx(rates)


@pytest.mark.parametrize(
    ("freezing", "stage", "told"),
    [
        ("none", "layer4", "no stage 'layer4'. It trains stem, stage1, stage2, stage3"),
        ("first_3", "stage1", "no stage 'stage1'. It trains stage3"),
        ("all_except_last", "stage1", "It trains the head only, see model.freezing"),
    ],
)
def test_a_rate_for_what_is_not_trained_is_refused(freezing, stage, told):
    recipe = dataclasses.replace(RECIPE, stage_learning_rates={stage: 0.1})
    with pytest.raises(GraftError, match=told):
        parameter_groups(network(freezing), recipe)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_norms_and_biases_may_go_without_decay(optimizer):
    model = network()
    recipe = dataclasses.replace(
        RECIPE, optimizer=optimizer, weight_decay=0.2, weight_decay_on_norms=False
    )
    decays = by_name(model, build_optimizer(model, recipe).param_groups, "weight_decay")
    dimensions = {name: parameter.ndim for name, parameter in model.net.named_parameters()}
    assert {name: 0.2 if dimensions[name] > 1 else 0.0 for name in decays} == decays
    both = dataclasses.replace(recipe, weight_decay_on_norms=True)
    decays = by_name(model, build_optimizer(model, both).param_groups, "weight_decay")
    assert set(decays.values()) == {0.2}


# --- A penalty towards the pretrained weights -----------------------------------------------------


def steps(model, optimizer, count=4, penalty=None):
    """Train on the same images again and again; a penalty joins the loss."""
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.rand(6, 3, 8, 8, generator=generator), torch.arange(6) % 2
    model.train()
    for _ in range(count):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        (loss if penalty is None else loss + penalty()).backward()
        optimizer.step()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_l2_sp_is_the_penalty_of_its_paper_in_the_loss(optimizer):
    """alpha / 2 · ‖w - w₀‖² of the backbone, beta / 2 · ‖w‖² of the head (Li et al. 2018)."""
    recipe = dataclasses.replace(
        RECIPE, optimizer=optimizer, learning_rate=0.02, l2_sp=0.3, weight_decay=0.05
    )
    model, expected = network(), network()
    steps(model, build_optimizer(model, recipe))
    plain = dataclasses.replace(recipe, l2_sp=None, weight_decay=0.0)
    start = [p.detach().clone() for p in expected.backbone_parameters()]

    def penalty():
        moved = zip(expected.backbone_parameters(), start, strict=True)
        away = sum(((p - origin) ** 2).sum() for p, origin in moved)
        return 0.15 * away + 0.025 * sum((p**2).sum() for p in expected.head.parameters())

    steps(expected, build_optimizer(expected, plain), penalty=penalty)
    for name, tensor in expected.net.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(model.net.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)


def test_l2_sp_of_low_rank_changes_is_a_penalty_on_the_changes():
    """Not on how far their factors are from where they began, which says nothing."""
    recipe = dataclasses.replace(
        RECIPE, optimizer="sgd", learning_rate=0.02, l2_sp=0.3, weight_decay=0.0
    )
    model, expected = (small_classifier("vit_b_16", LoRA(2)).eval() for _ in range(2))
    for network in (model, expected):
        for name, parameter in network.named_parameters():
            if name.endswith(".up"):
                torch.nn.init.constant_(parameter, 0.1)

    def penalty():
        changes = [m for m in expected.modules() if isinstance(m, LowRank)]
        return sum(0.15 * ((c.scale * c.up @ c.down) ** 2).sum() for c in changes)

    for network, changed, term in ((model, recipe, None), (expected, None, penalty)):
        torch.manual_seed(0)  # of dropout
        given = changed or dataclasses.replace(recipe, l2_sp=None)
        steps(network, build_optimizer(network, given), penalty=term)
    for name, tensor in expected.net.state_dict().items():
        torch.testing.assert_close(model.net.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)


def test_l2_sp_takes_the_place_of_the_backbones_decay_and_leaves_the_heads():
    model = network()
    optimizer = build_optimizer(model, dataclasses.replace(RECIPE, l2_sp=0.1))
    decays = by_name(model, optimizer.param_groups, "weight_decay")
    assert decays == {name: 5e-4 if name.startswith("fc.") else 0.0 for name in decays}


# --- Muon -----------------------------------------------------------------------------------------

MUON = dataclasses.replace(RECIPE, optimizer="muon", learning_rate=0.01, weight_decay=0.02)


def transformer():
    model = small_classifier("vit_b_16")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def test_muon_is_torchs_for_matrices_and_adamw_for_the_rest():
    model, expected = transformer(), transformer()
    head = {id(p) for p in expected.head.parameters()}
    matrices = [p for p in expected.parameters() if p.ndim == 2 and id(p) not in head]
    others = [p for p in expected.backbone_parameters() if p.ndim != 2]
    assert len(matrices) == 12
    muon = torch.optim.Muon(
        matrices, lr=0.001, momentum=0.9, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"
    )
    groups = [{"params": others, "lr": 0.001}, {"params": expected.head.parameters(), "lr": 0.01}]
    adamw = torch.optim.AdamW(groups, weight_decay=0.02, fused=True)

    class Both:
        def zero_grad(self):
            muon.zero_grad()
            adamw.zero_grad()

        def step(self):
            muon.step()
            adamw.step()

    steps(model, build_optimizer(model, MUON))
    steps(expected, Both())
    for name, tensor in expected.net.state_dict().items():
        torch.testing.assert_close(model.net.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)


def test_muon_is_one_optimizer_for_states_and_schedules():
    """Its state goes through the one of a training, and its rates are those of its groups."""
    whole, first = transformer(), transformer()
    steps(whole, build_optimizer(whole, MUON), 5)
    optimizer = build_optimizer(first, MUON)
    steps(first, optimizer, 2)
    tensors, groups = optimizer_state(optimizer)
    again = build_optimizer(first, MUON)
    tensors = {name.removeprefix("optimizer/"): tensor for name, tensor in tensors.items()}
    restore_optimizer(again, tensors, groups)
    steps(first, again, 3)
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(first.net.state_dict()[name], tensor), name
    before = copy.deepcopy(first.net.state_dict())
    for group in again.param_groups:
        group["lr"] = 0.0
    steps(first, again, 1)
    assert all(torch.equal(before[name], t) for name, t in first.net.state_dict().items())


def test_muon_wants_matrices():
    with pytest.raises(GraftError, match="muon is for matrices, and resnet20_cifar trains none"):
        build_optimizer(network(), MUON)


def test_an_unknown_optimizer_lists_the_known_ones():
    with pytest.raises(GraftError, match="sgd, adam, adamw, muon"):
        build_optimizer(network(), dataclasses.replace(RECIPE, optimizer="lion"))
