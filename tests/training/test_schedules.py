"""Schedules follow their formulas, torch's own schedulers where there are such."""

import dataclasses

import pytest
import torch

from graft.errors import GraftError
from graft.training.recipe import TrainingRecipe
from graft.training.schedules import SCHEDULES, Schedule, learning_rate_factor

BATCHES = 5
RECIPE = TrainingRecipe(epochs=12, step_epochs=3, milestones=(2, 7, 9), step_factor=0.3)


def optimizer():
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": [parameters[0]], "lr": 0.4}, {"params": [parameters[1]], "lr": 0.02}]
    return torch.optim.SGD(groups)


def rates(recipe, steps=None):
    """Of both groups, before each step."""
    stepped = optimizer()
    schedule = Schedule(stepped, recipe, BATCHES)
    found = []
    for _ in range(steps or recipe.epochs * BATCHES):
        found.append([group["lr"] for group in stepped.param_groups])
        schedule.step()
    return found


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_they_stay_between_zero_and_their_peak(schedule):
    recipe = dataclasses.replace(RECIPE, schedule=schedule)
    factors = [learning_rate_factor(recipe, step, BATCHES) for step in range(61)]
    assert max(factors) == pytest.approx(1)
    assert min(factors) >= 0
    if schedule in ("one_cycle", "cosine"):
        assert factors[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("schedule", ["step", "multi_step"])
def test_steps_are_torchs_stepped_after_each_epoch(schedule):
    stepped = optimizer()
    if schedule == "step":
        torchs = torch.optim.lr_scheduler.StepLR(stepped, step_size=3, gamma=0.3)
    else:
        torchs = torch.optim.lr_scheduler.MultiStepLR(stepped, milestones=[2, 7, 9], gamma=0.3)
    expected = []
    for _ in range(RECIPE.epochs):
        expected += BATCHES * [[group["lr"] for group in stepped.param_groups]]
        stepped.step()
        torchs.step()
    ours = rates(dataclasses.replace(RECIPE, schedule=schedule))
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        assert one == pytest.approx(other)


def test_cosine_is_torchs():
    stepped = optimizer()
    torchs = torch.optim.lr_scheduler.CosineAnnealingLR(stepped, T_max=RECIPE.epochs * BATCHES)
    for ours in rates(dataclasses.replace(RECIPE, schedule="cosine")):
        assert ours == pytest.approx([group["lr"] for group in stepped.param_groups])
        stepped.step()
        torchs.step()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_warm_up_rises_linearly_and_then_leaves_the_schedule_alone(schedule):
    plain = dataclasses.replace(RECIPE, schedule=schedule)
    warmed = dataclasses.replace(plain, warm_up_epochs=1.6)  # eight batches
    shares = [
        learning_rate_factor(warmed, step, BATCHES) / learning_rate_factor(plain, step, BATCHES)
        for step in range(59)
    ]
    assert shares == pytest.approx([(step + 1) / 8 for step in range(8)] + [1.0] * 51)


def test_a_schedule_goes_on_where_another_one_was():
    recipe = dataclasses.replace(RECIPE, schedule="one_cycle")
    first, second = optimizer(), optimizer()
    one, other = Schedule(first, recipe, BATCHES), Schedule(second, recipe, BATCHES)
    for _ in range(7):
        one.step()
    one.lower_peaks(0.5)
    other.restore(one.state())
    assert first.param_groups[0]["lr"] == pytest.approx(rates(recipe)[7][0] / 2)
    for _ in range(3):
        assert [g["lr"] for g in first.param_groups] == [g["lr"] for g in second.param_groups]
        one.step()
        other.step()


def test_an_unknown_schedule_lists_the_known_ones():
    with pytest.raises(GraftError, match="one_cycle, cosine, constant, step, multi_step"):
        Schedule(optimizer(), dataclasses.replace(RECIPE, schedule="linear"), BATCHES)
