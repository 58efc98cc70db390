"""A bundle of parts that do not belong together is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graft.bundle import Bundle
from graft.bundle.parity import require_same_answers
from graft.errors import GraftError
from graft.evaluation.inference import predict_with_network
from graft.images.store import ImageStore
from graft.models.classifier import build_classifier
from graft.training.checkpoint import make_checkpoint

from .making import CPU, network_bundle


def bundle_for(store: ImageStore, seed: int) -> Bundle:
    model = build_classifier(
        "basic_cnn",
        store.class_names,
        None,
        dataset_mean=[0.5] * 3,
        dataset_std=[0.1] * 3,
        input_size=8,
        seed=seed,
    ).eval()
    with_scores_apart = {name: 3 * value for name, value in model.net.state_dict().items()}
    return network_bundle(network=make_checkpoint(model, with_scores_apart))


def test_only_the_network_that_was_evaluated_passes(store: ImageStore) -> None:
    bundle = bundle_for(store, seed=0)
    evaluated = predict_with_network(bundle.classifier, store, "test", CPU, "fine-tuned")
    require_same_answers(bundle, store, evaluated)
    require_same_answers(replace(bundle, temperature=3.0), store, evaluated)
    with pytest.raises(GraftError, match="otherwise than 'fine-tuned'"):
        require_same_answers(bundle_for(store, seed=1), store, evaluated)
