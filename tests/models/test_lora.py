"""Low-rank changes: nothing at first, all that is learnt, and merged without a trace."""

import copy
import json

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from graft.errors import GraftError
from graft.models.classifier import build_classifier, count_parameters
from graft.models.lora import LoRA, LowRank, merge_adapters
from graft.models.summary import layer_summary, stage_summary
from graft.training import checkpoint as checkpoint_module
from graft.training.checkpoint import Checkpoint, make_checkpoint, restore_classifier

from ..training.small_networks import SIZE, small_classifier, small_spec

TRANSFORMERS = ("vit_b_16", "swin_t")
TWO = LoRA(2, 4.0)


def changed(name, lora=TWO):
    """As after a training: both factors are something."""
    model = small_classifier(name, lora)
    for module in model.modules():
        if isinstance(module, LowRank):
            nn.init.normal_(module.up, std=0.1)
    return model.eval()


def images(count=2):
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_at_first_nothing_changes(name):
    with torch.inference_mode():
        plain = small_classifier(name).eval()(images())
        assert torch.equal(small_classifier(name, TWO).eval()(images()), plain)
        assert not torch.allclose(changed(name)(images()), plain, atol=1e-3)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_only_the_changes_and_the_head_are_trained(name):
    model = changed(name).train()
    model(images()).square().sum().backward()
    names = {n for n, p in model.net.named_parameters() if p.grad is not None}
    rest = {n for n in names if not n.endswith((".up", ".down"))}
    assert rest == {f"{model.spec.head}.weight", f"{model.spec.head}.bias"}
    matrices = [m for m in model.modules() if isinstance(m, LowRank)]
    assert all(float(p.grad.abs().sum()) > 0 for m in matrices for p in m.parameters())
    trained = count_parameters(model, trainable_only=True)
    head = count_parameters(model.head)
    assert trained == head + sum(p.numel() for m in matrices for p in m.parameters())
    assert trained - head < 0.5 * count_parameters(small_classifier(name))


def test_every_linear_layer_of_attention_and_perceptron_has_one():
    """torch keeps queries, keys and values in one matrix: each has a change of its own."""
    found = {path: m for path, m in changed("vit_b_16").net.named_modules() if type(m) is LowRank}
    block = "encoder.layers.encoder_layer_0"
    of_block = {p.removeprefix(f"{block}.") for p in found if p.startswith(block)}
    assert {path.split(".parametrizations")[0] for path in of_block} == {
        "self_attention", "self_attention.out_proj", "mlp.0", "mlp.3",
    }  # fmt: skip
    fused = found[f"{block}.self_attention.parametrizations.in_proj_weight.0"]
    assert (fused.up.shape, fused.down.shape) == ((3, 16, 2), (3, 2, 16))


def test_a_change_is_alpha_over_rank_times_the_product():
    change = LowRank(torch.empty(6, 5), LoRA(2, 3.0))
    nn.init.normal_(change.up)
    weight = torch.randn(6, 5)
    expected = weight + 1.5 * change.up[0] @ change.down[0]
    torch.testing.assert_close(change(weight), expected)
    assert torch.linalg.matrix_rank(change(weight) - weight) == 2
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(change(weight), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_strategies_say_in_which_stages(name):
    model = changed(name)
    everywhere = count_parameters(model, trainable_only=True)
    model.freeze("all_except_1")
    *frozen, last = model.stage_names()
    assert not any(list(model.stage_parameters(stage)) for stage in frozen)
    assert all(p.ndim == 3 for p in model.stage_parameters(last)), "factors alone"
    assert 0 < count_parameters(model, trainable_only=True) < everywhere
    model.freeze("all_except_last")
    assert count_parameters(model, trainable_only=True) == count_parameters(model.head)


def test_batch_norms_of_an_adapted_network_stand_still():
    model = small_classifier("vgg11_bn", LoRA(1)).train()
    norms = [m for m in model.net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)
    assert model.net.classifier[2].training, "dropout belongs to what is trained"


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_checkpoint_is_that_of_the_plain_network(name, monkeypatch):
    """Through safetensors and JSON; to the bit, under the names of published weights."""
    model = changed(name)
    with torch.inference_mode():
        expected = model(images())
    state = {k: v.detach().clone() for k, v in model.net.state_dict().items()}
    made = make_checkpoint(model, state)
    assert made.metadata["lora"] == {"rank": 2, "alpha": 4.0}
    assert set(made.weights) == set(small_classifier(name).net.state_dict())
    metadata = json.loads(json.dumps(made.metadata))
    monkeypatch.setattr("graft.models.backbones.get_backbone", small_spec)
    again = restore_classifier(Checkpoint(load(save(made.weights)), metadata))
    assert not any(isinstance(module, LowRank) for module in again.modules())
    with torch.inference_mode():
        assert torch.equal(again(images()), expected)
        assert torch.equal(copy.deepcopy(model)(images()), expected)
    assert checkpoint_module.make_checkpoint(again, {}).metadata["lora"] is None


def test_merging_leaves_a_plain_network_as_it_is():
    net = small_classifier("vit_b_16").net
    state = net.state_dict()
    merged = merge_adapters(net, state)
    assert list(merged) == list(state)
    assert all(torch.equal(merged[name], state[name]) for name in state)


def test_the_summary_counts_what_is_trained_and_not_how():
    adapted, plain = changed("swin_t"), small_classifier("swin_t")
    table, of_plain = stage_summary(adapted, SIZE), stage_summary(plain, SIZE)
    assert list(table["multiply_accumulates"]) == list(of_plain["multiply_accumulates"])
    total = table.set_index("stage").loc["total"]
    assert total["trainable_parameters"] == count_parameters(adapted, trainable_only=True)
    layers = layer_summary(adapted, SIZE)
    assert list(layers["layer"]) == list(layer_summary(plain, SIZE)["layer"])
    assert layers["parameters"].iloc[-1] == count_parameters(adapted)


def test_what_is_drawn_depends_on_the_seed_and_leaves_the_head_alone():
    chosen = {"dataset_mean": (0.5,) * 3, "dataset_std": (0.2,) * 3, "input_size": SIZE}

    def built(seed, lora):
        return build_classifier("fully_connected", ["a", "b"], None, **chosen, lora=lora, seed=seed)

    one, again, other = built(1, TWO), built(1, TWO), built(2, TWO)
    downs = [next(m.down for m in n.modules() if type(m) is LowRank) for n in (one, again, other)]
    assert torch.equal(downs[0], downs[1])
    assert not torch.equal(downs[0], downs[2])
    assert torch.equal(one.head.weight, built(1, None).head.weight)


@pytest.mark.parametrize(("name", "rank"), [("resnet20_cifar", 1), ("vit_b_16", 4000)])
def test_where_there_is_nothing_to_change_it_says_so(name, rank):
    with pytest.raises(GraftError, match=rf"model\.lora_rank: {name} has no linear layers"):
        small_classifier(name, LoRA(rank))
