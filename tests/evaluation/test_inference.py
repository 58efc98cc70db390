"""Predictions of networks and machines on the same images line up."""

import dataclasses

import numpy as np
import pytest
import torch

from graft.evaluation.inference import predict_with_network, predict_with_svm
from graft.models.classifier import build_classifier
from graft.probes.extraction import extract_features
from graft.probes.svm import SVMRecipe, fit_svm

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}


@pytest.fixture
def model(store):
    return build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)


def recipe(**changes):
    defaults = {"kernel": "rbf", "C": 10.0, "gamma": "scale", "positive_class": None}
    return SVMRecipe(**{**defaults, "class_weight": None, **changes})


def test_network_and_svm_speak_of_the_same_images(model, store, cpu):
    features = extract_features(model, store, ["pooled"], cpu)
    train = features.of("train")
    svm = fit_svm(train.matrix, train.labels, train.class_names, recipe(), seed=0)
    by_network = predict_with_network(model, store, "test", cpu, "network", batch_size=5)
    by_svm = predict_with_svm(svm, features, "test", "SVM")
    assert by_network.ids.tolist() == by_svm.ids.tolist()
    assert by_network.labels.tolist() == by_svm.labels.tolist()
    np.testing.assert_allclose(by_network.scores.sum(1), 1, rtol=1e-5)
    # From the pixels on, as of a network: the twelve test images are a sixth of all.
    assert by_svm.seconds > features.metadata["seconds"] / 6


def test_a_binary_machine_is_asked_a_binary_question(model, store, cpu):
    features = extract_features(model, store, ["pooled"], cpu)
    train = features.of("train")
    svm = fit_svm(
        train.matrix, train.labels, train.class_names, recipe(positive_class="green"), seed=0
    )
    predictions = predict_with_svm(svm, features, "test", "SVM")
    network = predict_with_network(model, store, "test", cpu, "network").as_binary("green")
    assert predictions.class_names == ("rest", "green") == network.class_names
    assert predictions.labels.tolist() == (store.labels("test") == 1).astype(int).tolist()
    assert predictions.labels.tolist() == network.labels.tolist()


def test_other_classes_are_refused(model, store, cpu):
    other = dataclasses.replace(store, class_names=("x", "y", "z"))
    with pytest.raises(ValueError, match="red"):
        predict_with_network(model, other, "test", cpu, "network")


@pytest.fixture
def several(store):
    """The same images; red ones are also green, and blue is not counted in every fourth image."""
    manifest = store.manifest.assign(
        label=store.manifest["label"].replace({"red": "red|green"}),
        ignored=["blue" if i % 4 == 0 and i % 3 != 2 else "" for i in range(len(store.images))],
    )
    return dataclasses.replace(store, manifest=manifest, multi_label=True)


def test_several_labels_have_a_probability_each(model, several, cpu):
    predictions = predict_with_network(model, several, "test", cpu, "network", batch_size=5)
    assert predictions.multi_label
    assert predictions.threshold == 0.5
    np.testing.assert_array_equal(predictions.labels, several.labels("test"))
    pixels = torch.from_numpy(several.images[several.indices("test")])
    with torch.inference_mode():
        logits = model.eval()(pixels.permute(0, 3, 1, 2).float() / 255)
    np.testing.assert_allclose(predictions.scores, logits.sigmoid().numpy(), rtol=1e-4)


def test_machines_of_several_labels_decide_at_0(model, several, cpu):
    features = extract_features(model, several, ["pooled"], cpu)
    train = features.of("train")
    svm = fit_svm(train.matrix, train.labels, train.class_names, recipe(), seed=0)
    by_network = predict_with_network(model, several, "test", cpu, "network")
    by_svm = predict_with_svm(svm, features, "test", "SVM")
    assert by_svm.threshold == 0
    assert by_svm.ids.tolist() == by_network.ids.tolist()
    np.testing.assert_array_equal(by_svm.labels, by_network.labels)


def test_a_binary_machine_is_not_asked_about_images_that_do_not_count(model, several, cpu):
    features = extract_features(model, several, ["pooled"], cpu)
    train = features.of("train")
    svm = fit_svm(
        train.matrix, train.labels, train.class_names, recipe(positive_class="blue"), seed=0
    )
    by_svm = predict_with_svm(svm, features, "test", "SVM")
    network = predict_with_network(model, several, "test", cpu, "network").as_binary("blue")
    assert 0 < len(by_svm.ids) < len(several.indices("test"))
    assert by_svm.ids.tolist() == network.ids.tolist()
    np.testing.assert_array_equal(by_svm.labels, network.labels)
