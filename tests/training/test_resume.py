"""A training that was killed goes on to the same bits, or says why it does not."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from graft import interruption
from graft.datasets.training_state import STATE, StateFolder
from graft.errors import GraftError
from graft.images.augmentation import policy_from_parameters
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier

from .killing import Killer, Stop

POLICY = {"policy": "digits", "mixup": 0.2, "cutmix": 0.0}
STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(
    epochs=3, batch_size=16, learning_rate=0.02, ema_decay=0.9, checkpoint_seconds=0.0
)


def train(store, cpu, folder=None, recipe=RECIPE, observers=(), seed=0, freezing="none"):
    # A head with dropout: its random numbers have to go on as well.
    model = build_classifier(
        "resnet20_cifar", store.class_names, None, **STATISTICS, head=Head(8, 0.3), seed=seed
    )
    model.freeze(freezing)
    keeper = StateFolder(folder) if folder else None
    policy = policy_from_parameters(POLICY)
    return train_classifier(
        model, store, recipe, policy, cpu, seed, observers=observers, keeper=keeper
    )


def resumed(recipe=RECIPE):
    return dataclasses.replace(recipe, resume="auto")


def assert_same(first, second):
    for a, b in ((first.best, second.best), (first.last, second.last)):
        assert a.weights.keys() == b.weights.keys()
        assert all(torch.equal(a.weights[k], b.weights[k]) for k in a.weights)
        assert a.metadata["best_epoch"] == b.metadata["best_epoch"]
    columns = [c for c in first.history if "second" not in c]
    assert first.history[columns].equals(second.history[columns])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("killed_after", [1, 3, 5])
def test_it_goes_on_to_the_same_bits(store, cpu, tmp_path, optimizer, killed_after):
    """After the first batch, at the very end of an epoch, and in the middle of one."""
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer)
    whole = train(store, cpu, recipe=recipe)
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, recipe, [Killer(killed_after)])
    assert_same(whole, train(store, cpu, tmp_path, resumed(recipe)))


def test_many_deaths_make_no_difference(store, cpu, tmp_path):
    whole = train(store, cpu)
    deaths = 0
    while True:
        try:
            last = train(store, cpu, tmp_path, resumed(), [Killer(1)])
            break
        except Stop:
            deaths += 1
    assert deaths > 5
    assert_same(whole, last)


@pytest.mark.parametrize("freezing", ["all_except_last", ["stage3"]])
def test_what_is_frozen_stays_so(store, cpu, tmp_path, freezing):
    whole = train(store, cpu, freezing=freezing)
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, observers=[Killer(4)], freezing=freezing)
    assert_same(whole, train(store, cpu, tmp_path, resumed(), freezing=freezing))


def test_early_stopping_remembers(store, cpu, tmp_path):
    recipe = dataclasses.replace(
        RECIPE, epochs=20, learning_rate=1e-9, early_stopping_patience=2, ema_decay=None
    )
    whole = train(store, cpu, recipe=recipe, freezing="all_except_last")
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, recipe, [Killer(4)], freezing="all_except_last")
    again = train(store, cpu, tmp_path, resumed(recipe), freezing="all_except_last")
    assert_same(whole, again)
    assert len(again.history) < 20


def test_a_finished_training_is_not_done_again(store, cpu, tmp_path):
    whole = train(store, cpu, tmp_path)
    again = train(store, cpu, tmp_path, resumed(), [Killer(0)])
    assert_same(whole, again)


def test_without_resume_it_begins_anew_and_says_so(store, cpu, tmp_path, caplog):
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, observers=[Killer(5)])
    with caplog.at_level("INFO"):
        assert_same(train(store, cpu), train(store, cpu, tmp_path))
    assert "training.resume: auto would go on with it" in caplog.text


def test_nothing_to_go_on_with_is_no_error(store, cpu, tmp_path):
    assert_same(train(store, cpu), train(store, cpu, tmp_path, resumed()))


def test_a_torn_newest_state_gives_way_to_the_one_before(store, cpu, tmp_path, caplog):
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, observers=[Killer(5)])
    newest = max(tmp_path.iterdir())
    content = (newest / STATE).read_bytes()
    (newest / STATE).write_bytes(content[: len(content) // 2])
    assert_same(train(store, cpu), train(store, cpu, tmp_path, resumed()))
    assert "A state of the training is passed over" in caplog.text


def test_a_flipped_bit_is_noticed(store, cpu, tmp_path, caplog):
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, observers=[Killer(5)])
    for folder in tmp_path.iterdir():
        content = bytearray((folder / STATE).read_bytes())
        content[-100] ^= 1
        (folder / STATE).write_bytes(bytes(content))
    assert StateFolder(tmp_path).newest() is None
    assert caplog.text.count("is passed over") == 2


def test_two_states_are_kept(store, cpu, tmp_path):
    train(store, cpu, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_short_training_saves_nothing(store, cpu, tmp_path):
    train(store, cpu, tmp_path, dataclasses.replace(RECIPE, checkpoint_seconds=60.0))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"learning_rate": 0.5}, "training.learning_rate: 0.02 then, 0.5 now"),
        ({"epochs": 9, "optimizer": "adam"}, "training.epochs: 3 then, 9 now"),
    ],
)
def test_another_recipe_is_explained_and_not_mixed(store, cpu, tmp_path, changes, told):
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, observers=[Killer(5)])
    other = dataclasses.replace(resumed(), **changes)
    with pytest.raises(GraftError, match=told) as caught:
        train(store, cpu, tmp_path, other)
    assert "training.resume: never" in str(caught.value)
    with pytest.raises(GraftError, match="seed: 0 then, 1 now"):
        train(store, cpu, tmp_path, resumed(), seed=1)
    with pytest.raises(GraftError, match=r"compute\.threads: 1 then, 2 now"):
        train(store, dataclasses.replace(cpu, threads=2), tmp_path, resumed())


def test_other_images_are_refused(store, cpu, tmp_path):
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, observers=[Killer(5)])
    manifest = store.manifest.assign(split=np.roll(store.manifest["split"], 1))
    with pytest.raises(GraftError, match="data: "):
        train(dataclasses.replace(store, manifest=manifest), cpu, tmp_path, resumed())


def test_a_request_to_stop_saves_and_ends(store, cpu, tmp_path):
    class Asker(Killer):
        def on_batch(self, means):
            self.left -= 1
            if self.left == 0:
                assert interruption.ask(signal.SIGTERM)
                assert not interruption.ask(signal.SIGTERM), "a second signal is not put off"

    recipe = dataclasses.replace(RECIPE, checkpoint_seconds=60.0)
    with pytest.raises(SystemExit) as caught:
        train(store, cpu, tmp_path, recipe, [Asker(4)])
    assert caught.value.code == 128 + signal.SIGTERM
    assert not interruption.requested()
    progress = StateFolder(tmp_path).newest().progress
    assert (progress["epoch"], progress["batch"]) == (2, 1)
    assert_same(train(store, cpu), train(store, cpu, tmp_path, resumed(recipe)))


def test_nobody_listens_where_nothing_can_be_saved():
    assert not interruption.ask(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        interruption.interrupt(signal.SIGINT)


# --- Killed by the system -------------------------------------------------------------------------

FORKS = """
import os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from conftest import make_store
from graft.compute import Compute
from training.test_resume import resumed, train

def attempt():
    trained = train(make_store(), Compute("cpu", "fp32", 1), Path("state"), resumed())
    torch.save(trained.last.weights, "weights.pt")
    os._exit(0)

def fork():
    process = os.fork()
    return process or attempt()

random.seed(0)
killed = 0
while killed < 20 and not Path("weights.pt").exists():
    process = fork()
    time.sleep(random.uniform(0.05, 0.6))
    os.kill(process, signal.SIGKILL)
    killed += os.waitpid(process, 0)[1] == signal.SIGKILL
print("killed", killed)
os.waitpid(fork(), 0)
"""


@pytest.mark.slow
def test_kills_at_random_moments_end_in_the_same_weights(store, cpu, tmp_path):
    """Forks of a process that has torch imported: a fresh one would take seconds each."""
    code = FORKS.format(tests=str(Path(__file__).parents[1]))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= 2
    weights = torch.load(tmp_path / "weights.pt", weights_only=True)
    whole = train(store, cpu).last.weights
    assert all(torch.equal(weights[k], whole[k]) for k in whole)


def test_a_job_that_slurm_starts_again_goes_on_with_what_it_had_saved(
    store, cpu, tmp_path, monkeypatch
):
    """Whatever `resume` says; and from the start where it had saved nothing."""
    whole = train(store, cpu)
    with pytest.raises(Stop):
        train(store, cpu, tmp_path, observers=[Killer(3)])
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    watcher = Killer(100)
    assert_same(whole, train(store, cpu, tmp_path, observers=[watcher]))
    assert 100 - watcher.left == 6  # of nine batches
    other = train(store, cpu, tmp_path, seed=1)
    monkeypatch.delenv("SLURM_RESTART_COUNT")
    assert_same(train(store, cpu, seed=1), other)
