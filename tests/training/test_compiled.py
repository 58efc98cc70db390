"""A compiled network trains as it would otherwise, and is none to its checkpoints."""

import dataclasses

import pytest
import torch

from graft.compute import Compute
from graft.datasets.training_state import StateFolder
from graft.images.augmentation import policy_from_parameters
from graft.models.classifier import build_classifier
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier

from .test_resume import Killer, Stop, assert_same

POLICY = policy_from_parameters({"policy": "none", "mixup": 0.0, "cutmix": 0.0})
RECIPE = TrainingRecipe(epochs=2, batch_size=20, learning_rate=0.05)
COMPILED = Compute("cpu", "fp32", 1, compiled=True)


def train(store, compute, recipe=RECIPE, **chosen):
    model = build_classifier(
        "fully_connected",
        store.class_names,
        None,
        dataset_mean=(0.4,) * 3,
        dataset_std=(0.2,) * 3,
        input_size=8,
        options={"neurons": [8], "batch_norm": True},
    )
    return train_classifier(model, store, recipe, POLICY, compute, 0, **chosen)


def assert_close(one, other):
    assert list(one) == list(other)
    for name, tensor in other.items():
        torch.testing.assert_close(one[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.fixture
def frames():
    """What the compiler has seen, counted from here."""
    import torch._dynamo

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield torch._dynamo.utils.counters
    torch._dynamo.reset()


@pytest.mark.slow
def test_the_same_comes_of_it_and_a_resume_goes_on_to_the_same_bits(store, cpu, tmp_path, frames):
    """With a moving average, and from one size of batches to another without a new program."""
    recipe = dataclasses.replace(
        RECIPE, batch_size=11, ema_decay=0.5, checkpoint_seconds=0.0, resume="auto"
    )
    images = store.manifest["split"].to_numpy(dtype=object).copy()
    images[0] = "unused"  # 47 images: batches of 10 and of 9
    task = dataclasses.replace(store, manifest=store.manifest.assign(split=images))
    ordinary = train(task, cpu, recipe)
    whole = train(task, COMPILED, recipe)
    assert frames["stats"]["unique_graphs"] == 1
    assert_close(whole.last.weights, ordinary.last.weights)
    assert_close(whole.best.weights, ordinary.best.weights)
    with pytest.raises(Stop):
        train(task, COMPILED, recipe, observers=[Killer(3)], keeper=StateFolder(tmp_path))
    assert_same(whole, train(task, COMPILED, recipe, keeper=StateFolder(tmp_path)))


@pytest.mark.slow
def test_what_the_compiler_fails_at_is_computed_as_usual(store, cpu, caplog, monkeypatch, frames):
    import torch._dynamo

    def broken(graph, inputs):
        raise RuntimeError("no C++ compiler found")

    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda _: broken)
    found = train(store, COMPILED)
    assert "is not compiled but computed as usual (no C++ compiler found)" in caplog.text
    assert_close(found.last.weights, train(store, cpu).last.weights)
