"""A new task's head: a layer or a block, and what a block does to freezing, taps and weights."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from graft.errors import GraftError
from graft.models.classifier import build_classifier, build_pretrained, count_parameters
from graft.models.heads import Head
from graft.models.summary import stage_summary
from graft.models.weights import load_weights
from graft.probes.extraction import tap_outputs

STATISTICS = {"dataset_mean": (0.5, 0.5, 0.5), "dataset_std": (0.2, 0.2, 0.2)}
BLOCK = Head(hidden=16, dropout=0.5)


def build(weights=None, name="resnet20_cifar", head=BLOCK):
    return build_classifier(name, ["a", "b", "c"], weights, **STATISTICS, head=head)


def test_a_block_is_linear_leaky_relu_dropout_linear():
    kinds = [type(layer) for layer in build().head]
    assert kinds == [nn.Linear, nn.LeakyReLU, nn.Dropout, nn.Linear]
    assert build().head[2].p == 0.5
    assert build()(torch.rand(2, 3, 32, 32)).shape == (2, 3)


def test_all_of_a_block_is_trained_where_only_the_head_is():
    model = build()
    model.freeze("all_except_last")
    model.train()
    assert count_parameters(model, trainable_only=True) == 64 * 16 + 16 + 16 * 3 + 3
    assert model.head[2].training, "its dropout is at work"
    assert not model.net.stage3.training
    table = stage_summary(model, 32).set_index("stage")
    assert table.loc["head", "trained"] == "yes"
    assert table.loc["head", "multiply_accumulates"] == 64 * 16 + 16 * 3


def test_pooled_features_are_what_a_block_reads():
    model = build().eval()
    with torch.inference_mode():
        outputs = tap_outputs(model, torch.rand(2, 3, 32, 32), ("pooled", "logits"))
        torch.testing.assert_close(model.head(outputs["pooled"]), outputs["logits"])
    assert outputs["pooled"].shape == (2, 64)


def test_weights_that_were_trained_with_a_block_fit_again(tmp_path):
    trained = build()
    save_file(trained.net.state_dict(), tmp_path / "w.safetensors")
    weights = load_weights("resnet20_cifar", str(tmp_path / "w.safetensors"))
    again = build(weights, head=None)
    assert isinstance(again.head, nn.Linear)
    assert torch.equal(again.net.conv1.weight, trained.net.conv1.weight)
    as_it_was = build_pretrained("resnet20_cifar", weights).eval()
    assert as_it_was.class_names == ("0", "1", "2")
    with torch.inference_mode():
        images = torch.rand(2, 3, 32, 32)
        normalised = (images - as_it_was.mean) / as_it_was.std
        torch.testing.assert_close(as_it_was(images), trained.eval().net(normalised))


def test_a_convolutional_head_cannot_become_a_block():
    with pytest.raises(GraftError, match=r"model\.head_hidden.*squeezenet1_1"):
        build(name="squeezenet1_1")
