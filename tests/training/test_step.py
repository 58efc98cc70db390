"""A step is the same whether memory holds its batch or not."""

import dataclasses
import logging
import math

import pytest
import torch

from graft.datasets.training_state import StateFolder
from graft.errors import GraftError
from graft.models.classifier import build_classifier
from graft.training.losses import Loss, balanced_class_weights
from graft.training.safety import SafetyNet

from .killing import Killer, Stop
from .small_trainings import (
    RECIPE,
    STATISTICS,
    assert_same_bits,
    network,
    train,
    with_several_labels,
)


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
