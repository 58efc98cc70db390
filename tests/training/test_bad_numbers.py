"""Batches whose numbers are not finite leave no trace, and diverged weights are rolled back."""

import dataclasses
import math

import pytest
import torch

from graft.datasets.training_state import StateFolder
from graft.errors import GraftError
from graft.images.augmentation import policy_from_parameters
from graft.training import step as step_module
from graft.training.batches import Batches
from graft.training.losses import Loss
from graft.training.safety import SafetyNet
from graft.training.views import TrainingViews

from .killing import Killer, Stop
from .small_trainings import (
    RECIPE,
    assert_same_bits,
    make_step,
    network,
    train,
    with_several_labels,
)


class Poisoned(Loss):
    """A loss that is no number, or whose gradients are none, in the batches with these numbers."""

    def __init__(self, bad, where="loss", seen=0):
        super().__init__("cross_entropy")
        self.__dict__ |= {"bad": bad, "where": where, "seen": seen}

    def __call__(self, logits, targets):
        self.__dict__["seen"] += 1
        loss = super().__call__(logits, targets)
        if self.seen not in self.bad:
            return loss
        return loss * math.nan if self.where == "loss" else loss + (logits.sum() * 0).sqrt()


@pytest.mark.parametrize("where", ["loss", "gradients"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_bad_batch_leaves_no_trace(store, cpu, where, optimizer, caplog):
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, ema_decay=0.9)
    model = network(store)
    average = torch.optim.swa_utils.AveragedModel(model, use_buffers=True)
    parts, step = make_step(model, recipe, Poisoned({1, 3}, where), average)
    policy = policy_from_parameters({"policy": "none", "mixup": 0.0, "cutmix": 0.0})
    views = TrainingViews(Batches(store, "train", 16, cpu), policy, 0, store.num_classes)
    for number, view in enumerate(views.epoch(1), start=1):
        before = parts.take_out({}).tensors
        outcome = step.take(view)
        after = parts.take_out({}).tensors
        changed = {n for n in before if not torch.equal(after[n], before[n])}
        if number == 2:
            assert outcome is not None
            assert {name.split("/")[0] for name in changed} >= {"model", "average"}
        else:
            assert outcome is None
            assert changed == {"random/cpu"}, "dropout goes on"
            assert before.keys() == after.keys()
    assert (parts.batch, parts.skipped, parts.skipped_in_a_row) == (3, 2, 1)
    assert "Epoch 1, batch 3 is skipped" in caplog.text


def test_a_training_survives_single_bad_batches(store, cpu, caplog):
    result = train(store, cpu, loss=Poisoned({2, 4}))
    assert caplog.text.count("is skipped") == 2
    assert [record.skipped_batches for record in result.history] == [1, 1]
    assert all(tensor.isfinite().all() for tensor in result.last_state.values())
    assert all(math.isfinite(record.train_loss) for record in result.history)
    assert {record.learning_rate for record in result.history} == {RECIPE.learning_rate}


def overflowing(store, bad):
    """A network whose matrix of its head, and nothing else, has an infinite gradient in a batch."""
    model = network(store, "fully_connected")
    seen = 0

    def poison(gradient):
        nonlocal seen
        seen += 1
        return gradient.index_fill(0, torch.tensor(0), math.inf) if seen == bad else gradient

    model.head.weight.register_hook(poison)
    return model


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "muon"])
@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("bad", [4, 6])
def test_what_overflows_in_a_large_matrix_alone_is_rolled_back(
    store, cpu, monkeypatch, caplog, optimizer, validate, bad
):
    """Nobody looks at large matrices in each batch: at an epoch's begin, and in the very last."""
    model = overflowing(store, bad)
    monkeypatch.setattr(step_module, "_SMALL", model.head.weight.numel() - 1)
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, learning_rate=0.001)
    result = train(store, cpu, recipe, model=model, validate=validate)
    assert caplog.text.count("those after epoch 1, with half the learning rate") == 1
    for state in (result.best_state, result.last_state):
        assert all(tensor.isfinite().all() for tensor in state.values())


def test_scores_of_several_labels_that_are_no_numbers_are_rolled_back_too(
    store, cpu, monkeypatch, caplog
):
    """An average precision of them is an error in scikit-learn."""
    store = with_several_labels(store)
    model = overflowing(store, 6)
    monkeypatch.setattr(step_module, "_SMALL", model.head.weight.numel() - 1)
    result = train(store, cpu, model=model, loss=Loss("binary_cross_entropy", True))
    assert "those after epoch 1, with half the learning rate" in caplog.text
    assert all(tensor.isfinite().all() for tensor in result.last_state.values())


def test_early_stopping_does_not_end_with_the_weights_it_began_with(store, cpu):
    recipe = dataclasses.replace(RECIPE, epochs=3, early_stopping_patience=1)
    result = train(store, cpu, recipe, loss=Poisoned({1, 2, 3}))
    assert result.best_epoch > 0


def test_clipping_looks_at_large_matrices_too(store, cpu, monkeypatch, caplog):
    model = overflowing(store, 4)
    monkeypatch.setattr(step_module, "_SMALL", model.head.weight.numel() - 1)
    train(store, cpu, dataclasses.replace(RECIPE, gradient_clipping=1.0), model=model)
    assert "Epoch 2, batch 1 is skipped" in caplog.text
    assert "half the learning rate" not in caplog.text


FINE = dataclasses.replace(RECIPE, batch_size=4, epochs=3)  # twelve batches an epoch


def test_many_bad_batches_in_a_row_go_back_to_the_best_weights(store, cpu, caplog):
    """From the epoch before, at half the learning rate; then all goes on."""
    caught = {}

    class Catcher(Killer):
        def on_epoch(self, record):
            caught[record.epoch] = record

        def on_batch(self, means):
            self.count = getattr(self, "count", 0) + 1
            if self.count == 18:
                caught["weights"] = {k: v.clone() for k, v in model.net.state_dict().items()}

    model = network(store)
    result = train(
        store, cpu, FINE, model=model, loss=Poisoned(set(range(14, 19))), observers=[Catcher()]
    )
    one_epoch = train(store, cpu, dataclasses.replace(FINE, epochs=1))
    assert all(torch.equal(v, caught["weights"][k]) for k, v in one_epoch.last_state.items())
    assert [record.learning_rate for record in result.history] == [0.02, 0.02, 0.01]
    assert "those after epoch 1, with half the learning rate" in caplog.text


@pytest.mark.parametrize("validate", [True, False])
def test_weights_that_keep_diverging_are_an_error(store, cpu, validate):
    with pytest.raises(GraftError, match=r"best weights twice.*diverged.*learning_rate \(0\.02\)"):
        train(store, cpu, FINE, loss=Poisoned(set(range(14, 99))), validate=validate)


@pytest.mark.parametrize("validate", [True, False])
def test_weights_that_never_were_numbers_are_an_error(store, cpu, validate):
    model = network(store)
    torch.nn.init.constant_(model.net.conv1.weight, math.nan)
    with pytest.raises(GraftError, match=r"best weights once.*diverged"):
        train(store, cpu, model=model, validate=validate)


@pytest.mark.parametrize("validate", [True, False])
def test_an_only_epoch_without_numbers_is_an_error(store, cpu, validate):
    recipe = dataclasses.replace(RECIPE, epochs=1)
    with pytest.raises(GraftError, match=r"In epoch 1 the loss .* any more: the weights have"):
        train(store, cpu, recipe, loss=Poisoned({1, 2, 3}), validate=validate)


def test_a_last_epoch_without_numbers_leaves_the_best_one(store, cpu):
    result = train(store, cpu, loss=Poisoned({4, 5, 6}))
    one_epoch = train(store, cpu, dataclasses.replace(RECIPE, epochs=1))
    assert result.best_epoch == 1
    assert all(torch.equal(v, result.last_state[k]) for k, v in one_epoch.last_state.items())
    assert math.isnan(result.history[1].train_loss)
    assert math.isfinite(result.history[1].validation_loss)


@pytest.mark.parametrize("killed_after", [15, 18, 21])
def test_setbacks_are_gone_on_with_to_the_same_bits(store, cpu, tmp_path, killed_after):
    """Between bad batches, right after the roll-back, and later."""
    recipe = dataclasses.replace(FINE, epochs=2, ema_decay=0.9, optimizer="adamw")
    bad = {2, *range(14, 19)}
    whole = train(store, cpu, recipe, loss=Poisoned(bad))
    safety, observers = SafetyNet(StateFolder(tmp_path), seconds=0.0), [Killer(killed_after)]
    with pytest.raises(Stop):
        train(store, cpu, recipe, loss=Poisoned(bad), safety=safety, observers=observers)
    safety = SafetyNet(StateFolder(tmp_path), seconds=0.0, resume=True)
    again = train(store, cpu, recipe, loss=Poisoned(bad, seen=killed_after), safety=safety)
    assert_same_bits(again, whole)
