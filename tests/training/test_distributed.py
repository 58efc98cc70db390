"""Several processes train as one would, die without a trace in the result, and report once."""

import dataclasses
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
import torch

from graft import interruption
from graft.compute import Compute
from graft.datasets.training_state import StateFolder
from graft.errors import GraftError
from graft.images.augmentation import Policy, policy_from_parameters
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.training import session
from graft.training.batches import Batches
from graft.training.checkpoint import restore_classifier
from graft.training.distributed import launch
from graft.training.distributed.group import Group
from graft.training.distributed.meeting import Processes
from graft.training.loop import evaluate
from graft.training.losses import Loss
from graft.training.progress import TrainingProgress
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier
from graft.training.views import TrainingViews

from ..conftest import make_store
from .small_trainings import with_several_labels

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
POLICY = {"policy": "digits", "mixup": 0.2, "cutmix": 0.0}
RECIPE = TrainingRecipe(epochs=3, batch_size=15, learning_rate=0.02)  # shares of 6 and of 7 images
# Saves after every batch; a head with dropout: its random numbers have to go on as well.
SAVING = dataclasses.replace(RECIPE, checkpoint_seconds=0.0, ema_decay=0.9)


def train(
    store,
    processes=2,
    recipe=RECIPE,
    *,
    backbone="fully_connected",
    dropout=False,
    freezing="none",
    **other,
):
    size = 8 if backbone == "fully_connected" else None
    head = Head(8, 0.3) if dropout else None
    model = build_classifier(
        backbone, store.class_names, None, **STATISTICS, input_size=size, head=head
    )
    model.freeze(freezing)
    if isinstance(processes, int):
        processes = Processes(processes)
    policy = policy_from_parameters(other.pop("policy", POLICY))
    cpu = Compute("cpu", "fp32", 1)
    return train_classifier(model, store, recipe, policy, cpu, 0, processes=processes, **other)


def assert_nearly_same(one, other):
    for name, tensor in one.last.weights.items():
        torch.testing.assert_close(other.last.weights[name], tensor, rtol=1e-4, atol=1e-6)
    figures = [name for name in one.history if "second" not in name]
    np.testing.assert_allclose(one.history[figures], other.history[figures], rtol=1e-4)


def assert_same_bits(one, other):
    for a, b in ((one.best, other.best), (one.last, other.last)):
        assert all(torch.equal(a.weights[name], b.weights[name]) for name in a.weights)
        assert a.metadata["best_epoch"] == b.metadata["best_epoch"]
    figures = [name for name in one.history if "second" not in name]
    assert one.history[figures].equals(other.history[figures])


class Witness:
    """An observer that counts, and does something once after so many batches."""

    def __init__(self, after=None, deed=lambda: None):
        self.after, self.deed = after, deed
        self.batches, self.epochs, self.starts, self.ends = 0, [], 0, 0

    def on_start(self, epochs, batches):
        self.starts += 1

    def on_resume(self, history, batches):
        self.resumed_at = len(history), batches

    def on_batch(self, means):
        self.batches += 1
        self.images = means.images
        if self.batches == self.after:
            self.deed()

    def on_epoch(self, record):
        assert threading.current_thread() is threading.main_thread(), "where MLflow's run is"
        self.epochs.append(record.epoch)

    def on_end(self):
        self.ends += 1


def worker(rank):
    """The process id of one of this host's."""
    return sorted(child.pid for child in multiprocessing.active_children())[rank]


# --- The same training ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", ["mixed", pytest.param("several labels", marks=pytest.mark.slow), "parts", "unfreezing"]
)
def test_two_processes_are_one_up_to_rounding(store, case):
    recipe, policy = RECIPE, POLICY
    if case == "several labels":
        store = with_several_labels(store)
    if case == "parts":
        policy = {**POLICY, "mixup": 0.0}
        recipe = dataclasses.replace(
            recipe,
            micro_batch_size=4,
            gradient_clipping=0.1,
            ema_decay=0.9,
            class_weights="balanced",
            label_smoothing=0.1,
        )
    freezing = "none"
    if case == "unfreezing":
        freezing, thaw = "all_except_last", {2: "all_except_1", 3: "none"}
        recipe = dataclasses.replace(recipe, unfreezing=thaw, l2_sp=0.1)
    one, two = (train(store, n, recipe, policy=policy, freezing=freezing) for n in (1, 2))
    assert_nearly_same(one, two)


def test_with_batch_norm_they_learn_and_keep_what_was_validated(store, cpu):
    """Statistics are those of each share; the first process's are the ones that count."""
    recipe = dataclasses.replace(RECIPE, epochs=6, learning_rate=0.1)
    trained = train(store, 2, recipe, backbone="resnet20_cifar")
    assert trained.history["train_loss"].iloc[-1] < 0.9
    found = evaluate(
        restore_classifier(trained.last),
        Batches(store, "validation", 64, cpu),
        Loss("cross_entropy"),
        cpu,
    )
    assert found.loss == pytest.approx(trained.history["validation_loss"].iloc[-1], rel=1e-5)


@pytest.mark.parametrize("mixup", [0.0, 0.3])
def test_what_an_image_looks_like_does_not_depend_on_their_number(store, cpu, mixup):
    def epoch(rank, size):
        batches = Batches(store, "train", 15, cpu)
        policy = policy_from_parameters({**POLICY, "mixup": mixup})
        views = TrainingViews(batches, policy, 0, store.num_classes, "balanced")
        return list(views.epoch(2, 1, rank, size))

    shares = [epoch(rank, 4) for rank in range(4)]
    for whole, *parts in zip(epoch(0, 1), *shares, strict=True):
        assert torch.equal(whole.images, torch.cat([part.images for part in parts]))
        assert torch.equal(whole.targets, torch.cat([part.targets for part in parts]))
        assert max(len(part.labels) for part in parts) <= 1 + min(len(p.labels) for p in parts)


def test_one_process_needs_no_launcher(store, monkeypatch):
    monkeypatch.setattr(launch, "launch", None)
    assert len(train(store, 1).history) == 3
    with pytest.raises(TypeError):
        train(store, 2)


def test_a_frozen_backbones_features_are_reused_in_each(store):
    recipe = dataclasses.replace(RECIPE, cached_views=1)
    seen = []
    for processes in (1, 2):
        model = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)
        model.freeze("all_except_last")
        trained = train_classifier(
            model, store, recipe, Policy(), Compute("cpu", "fp32", 1), 0,
            processes=Processes(processes),
        )  # fmt: skip
        assert trained.last.metadata["reused_features"]
        seen.append(trained)
    assert_nearly_same(*seen)


# --- What must not break --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    """The training that nothing happens to."""
    return train(make_store(), 2, SAVING, dropout=True)


def test_a_killed_process_leaves_no_trace(store, whole, tmp_path, caplog):
    """Trial 10; and two trainings in one process, trial 14."""
    witness = Witness(5, lambda: os.kill(worker(1), signal.SIGKILL))
    with caplog.at_level("INFO", logger="graft"):
        trained = train(
            store, 2, SAVING, dropout=True, keeper=StateFolder(tmp_path),
            observers=[witness, TrainingProgress("digits")],
        )  # fmt: skip
    assert_same_bits(whole, trained)
    assert "All of them go on from the newest state (restart 1 of 5)" in caplog.text
    # Nobody is shown anything twice.
    assert (witness.starts, witness.batches, witness.epochs, witness.ends) == (1, 12, [1, 2, 3], 1)
    assert witness.images == 48
    assert caplog.text.count("digits: epoch 1 of 3") == 1


@pytest.mark.slow
def test_a_killed_process_without_a_state_begins_anew(store, whole):
    witness = Witness(5, lambda: os.kill(worker(0), signal.SIGKILL))
    assert_same_bits(whole, train(store, 2, SAVING, dropout=True, observers=[witness]))
    assert witness.epochs == [1, 2, 3]


@pytest.mark.slow
def test_a_stopped_process_is_replaced(store, whole, tmp_path):
    """Trial 11: long before the half minute for which the launcher would ask it to end."""
    started = time.monotonic()
    witness = Witness(5, lambda: os.kill(worker(1), signal.SIGSTOP))
    trained = train(
        store, Processes(2, timeout=3.0), SAVING, dropout=True, observers=[witness],
        keeper=StateFolder(tmp_path),
    )  # fmt: skip
    assert_same_bits(whole, trained)
    assert time.monotonic() - started < 90
    assert not multiprocessing.active_children()


def test_a_request_to_stop_saves_and_ends(store, whole, tmp_path):
    def stop():
        assert interruption.ask(signal.SIGUSR2)

    recipe = dataclasses.replace(SAVING, checkpoint_seconds=60.0)
    with pytest.raises(SystemExit) as caught:
        train(store, 2, recipe, dropout=True, observers=[Witness(1, stop)],
              keeper=StateFolder(tmp_path))  # fmt: skip
    assert caught.value.code == 128 + signal.SIGUSR2
    assert not interruption.requested()
    assert not multiprocessing.active_children()
    progress = StateFolder(tmp_path).newest().progress
    resumed = dataclasses.replace(recipe, resume="auto")
    witness = Witness()
    again = train(
        store, 2, resumed, dropout=True, keeper=StateFolder(tmp_path), observers=[witness]
    )
    assert_same_bits(whole, again)
    assert witness.resumed_at == (progress["epoch"] - 1, progress["batch"])


def test_who_watches_may_end_it(store):
    """A second Ctrl-C, or an observer that fails: the processes end at once."""

    def fail():
        raise ZeroDivisionError

    witness = Witness(3, fail)
    with pytest.raises(ZeroDivisionError):
        train(store, observers=[witness])
    assert witness.ends == 1
    assert not multiprocessing.active_children()


def test_too_many_deaths_are_an_error(store, monkeypatch):
    monkeypatch.setattr(launch, "RESTARTS", 0)
    witness = Witness(2, lambda: os.kill(worker(0), signal.SIGKILL))
    with pytest.raises(GraftError, match=r"lower processes\.per_host"):
        train(store, observers=[witness])


@pytest.mark.slow
def test_an_error_of_a_process_is_that_of_the_training(store, tmp_path):
    with pytest.raises(GraftError, match="the weights have diverged"):
        train(store, 2, dataclasses.replace(RECIPE, learning_rate=1e30, momentum=0.0))
    train(store, 2, SAVING, keeper=StateFolder(tmp_path))
    resumed = dataclasses.replace(SAVING, resume="auto", learning_rate=0.5)
    with pytest.raises(GraftError, match=r"learning_rate: 0\.02 then, 0\.5 now"):
        train(store, 2, resumed, keeper=StateFolder(tmp_path))
    with pytest.raises(GraftError, match="processes: 2 then, 1 now"):
        train(store, 1, dataclasses.replace(SAVING, resume="auto"), keeper=StateFolder(tmp_path))


@pytest.mark.parametrize(
    ("processes", "device", "told"),
    [
        (0, "cpu", "0 is not a positive number"),
        (2, "cuda:0", "each of the 2 processes takes a GPU, and this host has 0"),
        (2, "mps", "Set compute.device to cuda or cpu"),
        (20, "cpu", "20 processes share each batch, and the smallest has 12 images"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(store, processes, device, told):
    if torch.cuda.is_available() and device == "cuda:0":
        pytest.skip("there are GPUs")
    with pytest.raises(GraftError, match=told):
        Processes(processes).require_possible(device, 12)


class Second(Group):
    """The second of two processes, as far as a state's setup goes; the first has another GPU."""

    def gather(self, value):
        return [value, value]

    def copy_from_first(self, tensors):
        pass

    def from_first(self, value):
        return {**value, "device": "cuda:0"} if isinstance(value, dict) else value


def test_a_state_is_of_all_processes_whatever_each_computes_on(store, monkeypatch):
    """Else the others would refuse it, or begin anew alone."""
    seen = []

    def watch(keeper, setup, **_):
        seen.append(setup["compute"]["device"])
        raise ZeroDivisionError

    monkeypatch.setattr(session, "SafetyNet", watch)
    model = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)
    cpu = Compute("cpu", "fp32", 1)
    with pytest.raises(ZeroDivisionError):
        session.train_together(
            model, store, RECIPE, Policy(), cpu, 0, observers=[],
            initial_weights="none", keeper=None, reuse=False, group=Second(1, 2),
        )  # fmt: skip
    assert seen == ["cuda:0"]
