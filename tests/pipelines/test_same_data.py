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
    "lora_rank": None,
    "lora_alpha": 16.0,
    "input_size": None,
    "normalisation": "auto",
    "freezing": "none",
}
PRETRAINED = {**MODEL, "weights": "shipped"}
ALONE = {"per_host": 1, "hosts": 1, "rendezvous": "auto", "timeout": 60}
AUGMENTATION = {"policy": "none", "mixup": 0.0, "cutmix": 0.0}
COMPUTE = {"device": "cpu", "precision": "fp32", "threads": 1}
FEATURES = {"taps": ["stage2"], "grid": 1, "batch_size": 64}
SVM = {
    **{"kernel": "rbf", "C": 1.0, "gamma": "scale", "positive_class": None, "class_weight": None},
    **{"approximation": "auto", "landmarks": 10, "onedal": "never"},
    "search": {"C": [1.0], "gamma": [1.0], "folds": 2},
}


def scratch(store, card=None):
    card = card or dataset_card(store)
    epochs = {"epochs": 1, "batch_size": 16}
    return train_from_scratch(
        store, card, None, MODEL, epochs, {}, AUGMENTATION, COMPUTE, 0, ALONE
    )[0]


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
    (machine, _), (other_machine, _) = fit(features(store), SVM, 0), fit(features(other), SVM, 0)
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
    machine, _ = fit(features(store), SVM, 0)
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


@pytest.mark.parametrize(
    ("frozen", "training", "named"),
    [
        ("none", {"stage_learning_rates": {"layer4": 0.1}}, r"layer4.*trains stem, stage1"),
        ("all_except_last", {"stage_learning_rates": {"stage3": 0.1}}, "trains the head only"),
        ("all_except_last", {"unfreezing": {1: ["layer4"]}}, r"unfreezing: .*no stage 'layer4'"),
        ("all_except_last", {"unfreezing": {1: "all_except_9"}}, r"unfreezing: .*more stages"),
        ("all_except_last", {"unfreezing": {10: "none"}}, r"after epoch 10.*training\.epochs"),
        ("none", {"unfreezing": {1: "first_2"}}, r"would freeze stem, stage1 again"),
        (
            "all_except_last",
            {"unfreezing": {4: ["stage3"], 2: "none"}},
            r"after epoch 4 would freeze stem, stage1, stage2 again",
        ),
        ("none", {"optimizer": "muon"}, "resnet20_cifar trains none outside"),
        ("none", {"l2_sp": 0.1}, r"l2_sp.*model\.weights is none"),
    ],
)
def test_a_training_that_names_what_is_not_there_is_found_out_too(frozen, training, named):
    with pytest.raises(GraftError, match=named):
        require_buildable({**MODEL, "freezing": frozen}, [], training)


def test_a_rate_for_a_stage_that_is_unfrozen_later_is_right():
    training = {"stage_learning_rates": {"stage3": 0.1}, "unfreezing": {2: "all_except_1"}}
    require_buildable({**MODEL, "freezing": "all_except_last"}, [], training)


def test_what_the_training_from_scratch_names_is_found_out_before_anything_runs():
    with pytest.raises(GraftError, match=r"`scratch`.*layer4.*trains stem, stage1"):
        require_buildable(PRETRAINED, [], {}, {"stage_learning_rates": {"layer4": 0.1}})
    with pytest.raises(GraftError, match=r"trains none outside"):
        require_buildable(PRETRAINED, [], {}, {"optimizer": "muon"})


def test_a_training_from_scratch_has_nothing_frozen_and_nothing_to_stay_near_to():
    frozen = {**PRETRAINED, "freezing": "all_except_last"}
    scratch = {"stage_learning_rates": {"stage1": 0.1}}
    require_buildable(frozen, [], {"unfreezing": {4: "none"}, "l2_sp": 0.1}, scratch)


def test_without_weights_there_is_nothing_to_compare_with_training_from_scratch():
    with pytest.raises(GraftError, match=r"model\.weights: none .*--pipeline=single_network"):
        require_buildable(MODEL, [], {}, {})
