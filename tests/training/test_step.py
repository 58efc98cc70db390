"""A step is the same whether memory holds its batch or not; bad numbers leave no trace."""

import dataclasses
import logging
import math

import pytest
import torch

from graft.compute import Compute
from graft.datasets.training_state import StateFolder
from graft.errors import GraftError
from graft.images.augmentation import policy_from_parameters
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.training import step as step_module
from graft.training.batches import Batches
from graft.training.loop import fit
from graft.training.losses import Loss, balanced_class_weights
from graft.training.moving_parts import MovingParts
from graft.training.optimization import build_optimizer
from graft.training.recipe import TrainingRecipe
from graft.training.safety import SafetyNet
from graft.training.schedules import Schedule
from graft.training.step import Step
from graft.training.views import TrainingViews

from .killing import Killer, Stop

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(epochs=2, batch_size=16, learning_rate=0.02, schedule="constant")


def network(store, backbone="resnet20_cifar"):
    """With dropout in its head: generators matter."""
    size = None if backbone == "resnet20_cifar" else 8
    head = Head(8, 0.3) if backbone == "resnet20_cifar" else None
    return build_classifier(
        backbone, store.class_names, None, **STATISTICS, input_size=size, head=head
    )


def train(store, cpu, recipe=RECIPE, *, model=None, loss=None, mixup=0.0, validate=True, **kwargs):
    model = model or network(store)
    views = TrainingViews(
        Batches(store, "train", recipe.batch_size, cpu),
        policy_from_parameters({"policy": "none", "mixup": mixup, "cutmix": 0.0}),
        0,
        store.num_classes,
    )
    validation = Batches(store, "validation", 64, cpu) if validate else None
    return fit(model, views, validation, recipe, loss or Loss("cross_entropy"), cpu, 0, **kwargs)


def make_step(model, recipe, loss=None, averaged=None):
    """A step by itself, of three an epoch, with the parts that it changes."""
    optimizer, compute = build_optimizer(model, recipe), Compute("cpu", "fp32", 1)
    schedule = Schedule(optimizer, recipe, 3)
    parts = MovingParts(
        model.train(), averaged, optimizer, schedule, compute.grad_scaler(), compute
    )
    return parts, Step(parts, loss or Loss("cross_entropy"), recipe)


def with_several_labels(store):
    """A second colour for each third image, and some images not counted for blue."""
    manifest = store.manifest.copy()
    for row in range(0, len(manifest), 3):
        manifest.loc[row, "label"] += f"|{store.class_names[(store.targets[row] + 1) % 3]}"
    manifest["ignored"] = ["blue" if row % 5 == 0 else "" for row in range(len(manifest))]
    return dataclasses.replace(store, manifest=manifest, multi_label=True)


def assert_same_bits(one, other):
    assert one.best_epoch == other.best_epoch
    for first, second in (
        (one.best_state, other.best_state),
        (one.last_state, other.last_state),
    ):
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert [record.train_loss for record in one.history] == [
        record.train_loss for record in other.history
    ]


# --- Batches in parts -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["plain", "class weights", "several labels", "mixed", "clipped"])
def test_eight_single_images_are_two_times_four(store, cpu, case):
    """Without batch norm, whose statistics are those of the parts."""
    recipe = dataclasses.replace(RECIPE, batch_size=8, epochs=1)
    loss, mixup = Loss("cross_entropy"), 0.0
    if case == "class weights":
        weights = torch.tensor([0.2, 1.0, 4.0])
        loss = Loss("cross_entropy", class_weights=weights, label_smoothing=0.1)
    if case == "several labels":
        store = with_several_labels(store)
        weights = balanced_class_weights(store.labels("train"), store.num_classes)
        loss = Loss("binary_cross_entropy", True, torch.tensor(weights).float())
    if case == "mixed":
        mixup = 0.4
    if case == "clipped":
        recipe = dataclasses.replace(recipe, gradient_clipping=0.1)

    def trained(micro_batch_size):
        parted = dataclasses.replace(recipe, micro_batch_size=micro_batch_size)
        model = network(store, "fully_connected")
        return train(store, cpu, parted, model=model, loss=loss, mixup=mixup)

    whole, fours, ones = trained(None), trained(4), trained(1)
    for parts in (fours, ones):
        for name, tensor in whole.last_state.items():
            torch.testing.assert_close(parts.last_state[name], tensor, rtol=1e-4, atol=1e-6)
        assert parts.history[0].train_loss == pytest.approx(whole.history[0].train_loss, rel=1e-5)
        assert parts.history[0].train_accuracy == whole.history[0].train_accuracy


def test_a_part_as_large_as_the_batch_is_the_batch(store, cpu):
    whole = dataclasses.replace(RECIPE, micro_batch_size=16)
    assert_same_bits(train(store, cpu, whole), train(store, cpu))


def test_clipping_bounds_what_a_step_changes(store, cpu):
    recipe = dataclasses.replace(
        RECIPE, epochs=1, batch_size=48, momentum=0.0, weight_decay=0.0, gradient_clipping=0.01
    )
    model = network(store)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    train(store, cpu, recipe, model=model)
    changes = [p.detach() - b for p, b in zip(model.parameters(), before, strict=True)]
    length = math.sqrt(sum(float((change**2).sum()) for change in changes))
    assert length == pytest.approx(0.01 * recipe.learning_rate, rel=1e-3)
    loose = dataclasses.replace(RECIPE, gradient_clipping=1e6)
    assert_same_bits(train(store, cpu, loose), train(store, cpu))


# --- Memory that runs out -------------------------------------------------------------------------

SAID = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "python": MemoryError(),
    "cpu": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 B."),
    "windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 B."),
    "onednn": RuntimeError("could not create a primitive"),
}


def tight(store, most, error=SAID["cpu"], where="forward"):
    """A network that fails with more images at once, when all of it has drawn and counted."""
    model = network(store)

    def fail(*_):
        raise error

    def look(module, inputs, output):
        if module.training and len(output) > most:
            if where == "forward":
                fail()
            output.register_hook(fail)

    model.net.get_submodule(model.spec.head).register_forward_hook(look)
    return model


@pytest.mark.parametrize(
    ("said", "where"), [*((said, "forward") for said in SAID), ("cuda", "backward")]
)
def test_running_out_of_memory_is_as_if_the_parts_had_been_small_from_the_start(
    store, cpu, said, where, caplog
):
    recipe = dataclasses.replace(RECIPE, ema_decay=0.9)
    small = dataclasses.replace(recipe, micro_batch_size=4)
    expected = train(store, cpu, small)
    found = train(store, cpu, recipe, model=tight(store, 5, SAID[said], where))
    assert_same_bits(found, expected)
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [line.split(" at once")[0] for line in told] == [
        "Memory does not hold 16 images",
        "Memory does not hold 8 images",
    ], "once each: later epochs keep the smaller parts"
    assert "training.micro_batch_size: 4 begins so" in told[-1]


def test_no_memory_for_one_image_is_an_error_with_a_remedy(store, cpu):
    with pytest.raises(GraftError, match=r"single image .*can't allocate.*images\.size") as caught:
        train(store, cpu, model=tight(store, 0))
    assert caught.value.__cause__ is None


def test_too_few_images_for_batch_norm_are_told_so(store, cpu):
    model = build_classifier(
        "fully_connected",
        store.class_names,
        None,
        **STATISTICS,
        input_size=8,
        options={"batch_norm": True},
    )
    recipe = dataclasses.replace(RECIPE, micro_batch_size=1)
    with pytest.raises(GraftError, match=r"micro_batch_size: one image .* batch norm"):
        train(store, cpu, recipe, model=model)


def test_other_errors_are_not_taken_for_it(store, cpu):
    with pytest.raises(RuntimeError, match="shapes"):
        train(store, cpu, model=tight(store, 5, RuntimeError("shapes do not fit")))


def test_a_training_that_is_gone_on_with_keeps_its_smaller_parts(store, cpu, tmp_path):
    recipe = dataclasses.replace(RECIPE, micro_batch_size=8)
    whole = train(store, cpu, recipe)
    safety = SafetyNet(StateFolder(tmp_path), seconds=0.0)
    with pytest.raises(Stop):
        train(store, cpu, model=tight(store, 8), safety=safety, observers=[Killer(4)])
    safety = SafetyNet(StateFolder(tmp_path), seconds=0.0, resume=True)
    assert_same_bits(train(store, cpu, safety=safety), whole)


# --- Numbers that are not finite ------------------------------------------------------------------


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
