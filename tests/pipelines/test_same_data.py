"""Test images reach neither training nor selection, also where pipelines run one by one."""

import dataclasses

import numpy as np
import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.pipelines.evaluation import nodes as evaluation
from graft.pipelines.feature_extraction.nodes import extract
from graft.pipelines.from_parameters import require_buildable
from graft.pipelines.svm.nodes import fit
from graft.pipelines.training.nodes import train_from_scratch

MODEL = {
    "backbone": "resnet20_cifar",
    "weights": "none",
    "options": {},
    "head_hidden": None,
    "head_dropout": 0.5,
    "input_size": None,
    "normalisation": "auto",
    "freezing": "none",
}
AUGMENTATION = {"policy": "none", "mixup": 0.0, "cutmix": 0.0}
COMPUTE = {"device": "cpu", "precision": "fp32", "threads": 1}
FEATURES = {"taps": ["stage2"], "grid": 1, "batch_size": 64}
SVM = {"kernel": "rbf", "C": 1.0, "gamma": "scale", "positive_class": None, "class_weight": None}


def scratch(store, card=None):
    card = card or dataset_card(store)
    epochs = {"epochs": 1, "batch_size": 16}
    return train_from_scratch(store, card, None, MODEL, epochs, {}, AUGMENTATION, COMPUTE, 0)[0]


def features(store):
    return extract(store, dataset_card(store), None, None, MODEL, FEATURES, COMPUTE, 0)


def with_other_test_images(store):
    """Other pixels and labels in the test part; the rest and the digest's ingredients alike."""
    rows = store.indices("test")
    images = store.images.copy()
    images[rows] = 255 - images[rows]
    manifest = store.manifest.copy()
    names = store.class_names
    manifest.loc[rows, "label"] = [names[(k + 1) % 3] for k in store.labels("test")]
    return dataclasses.replace(store, images=images, manifest=manifest)


def with_another_split(store):
    manifest = store.manifest.copy()
    manifest["split"] = np.roll(manifest["split"], 12)
    return dataclasses.replace(store, manifest=manifest)


def test_training_svm_and_card_do_not_depend_on_the_test_images(store, cpu):
    other = with_other_test_images(store)
    card, other_card = dataset_card(store), dataset_card(other)
    assert card["channel_mean"] == other_card["channel_mean"]
    first, second = scratch(store), scratch(other)
    assert all((first.weights[k] == second.weights[k]).all() for k in first.weights)
    machine, other_machine = fit(features(store), SVM, 0), fit(features(other), SVM, 0)
    probe = features(store).of("validation").matrix
    np.testing.assert_array_equal(machine.scores(probe), other_machine.scores(probe))


def test_a_network_of_another_split_is_refused(store, cpu):
    checkpoint = scratch(store)
    evaluation.predict_scratch(checkpoint, store, COMPUTE)
    with pytest.raises(GraftError, match=r"scratch_checkpoint.*--pipeline=training"):
        evaluation.predict_scratch(checkpoint, with_another_split(store), COMPUTE)


def test_a_card_of_another_split_is_refused(store, cpu):
    with pytest.raises(GraftError, match=r"dataset_card.*--pipeline=ingest"):
        scratch(with_another_split(store), card=dataset_card(store))


def test_features_and_svm_of_another_split_are_refused(store, cpu):
    other = with_another_split(store)
    machine = fit(features(store), SVM, 0)
    evaluation.predict_svm(machine, features(store), store)
    with pytest.raises(GraftError, match="feature_extraction"):
        evaluation.predict_svm(machine, features(store), other)
    with pytest.raises(GraftError, match="--pipeline=svm"):
        evaluation.predict_svm(machine, features(other), other)


@pytest.mark.parametrize(
    ("changes", "taps", "named"),
    [
        ({"backbone": "restnet50"}, [], "resnet50"),
        ({"weights": "absent.pth"}, [], "absent.pth"),
        ({"freezing": ["layer4"]}, [], "stage3"),
        ({}, ["layer9"], "stage3"),
        ({"backbone": "vit_b_32", "input_size": 32}, [], "224"),
    ],
)
def test_a_network_that_cannot_be_built_is_found_out_before_anything_runs(changes, taps, named):
    with pytest.raises(GraftError, match=named):
        require_buildable({**MODEL, **changes}, taps)
