"""What is shown while training equals what scikit-learn says of all images at once."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, hamming_loss

from graft.training.measures import RunningMeans, mean_average_precision, measure

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, (60, 4)).astype(np.int8)
SCORES = RNG.normal(size=(60, 4)) + LABELS


def test_means_over_batches_are_those_over_images():
    means = RunningMeans("cpu")
    logits = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(50) % 3
    for rows in (slice(0, 32), slice(32, 50)):
        losses = torch.nn.functional.cross_entropy(logits[rows], labels[rows])
        means.add(measure(losses, logits[rows], labels[rows]))
    loss, accuracy, _ = means.read()
    assert loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)))
    assert accuracy == pytest.approx(float((logits.argmax(1) == labels).double().mean()))


def test_accuracy_of_several_labels_is_that_of_their_questions():
    means = RunningMeans("cpu")
    labels = LABELS.copy()
    labels[:, 3] = -1
    means.add(measure(torch.tensor(0.0), torch.from_numpy(SCORES), torch.from_numpy(labels)))
    assert means.read()[1] == pytest.approx(1 - hamming_loss(LABELS[:, :3], SCORES[:, :3] > 0))


def test_the_means_of_nothing_are_no_numbers():
    loss, accuracy, speed = RunningMeans("cpu").read()
    assert math.isnan(loss)
    assert math.isnan(accuracy)
    assert speed == 0


def test_mean_average_precision_is_scikit_learns():
    expected = average_precision_score(LABELS, SCORES, average="macro")
    assert mean_average_precision(LABELS, SCORES) == pytest.approx(expected)


def test_classes_without_images_and_images_that_are_not_counted_are_left_out():
    labels = LABELS.copy()
    labels[:, 2] = 0
    labels[:20, 0] = -1
    expected = [
        average_precision_score(labels[20:, 0], SCORES[20:, 0]),
        *(average_precision_score(labels[:, k], SCORES[:, k]) for k in (1, 3)),
    ]
    assert mean_average_precision(labels, SCORES) == pytest.approx(np.mean(expected))
    assert mean_average_precision(np.zeros((3, 2), np.int8), np.zeros((3, 2))) == 0
