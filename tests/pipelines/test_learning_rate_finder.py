"""The search for a learning rate computes as the training will."""

from __future__ import annotations

from typing import Any

import pytest

from graft import compute as compute_module
from graft.images.card import dataset_card
from graft.pipelines.learning_rate_finder.nodes import search
from graft.pipelines.training.nodes import train_network

from .test_same_data import ALONE, AUGMENTATION, MODEL

COMPUTE = {"device": "cpu", "precision": "auto", "threads": 1}


class ChosenError(Exception):
    """Ends what is tested once it has chosen."""


def test_the_precision_is_chosen_for_the_same_network(store: Any, monkeypatch: Any) -> None:
    chosen: list[dict[str, Any]] = []

    def choose(**options: Any) -> None:
        chosen.append(options)
        raise ChosenError

    monkeypatch.setattr(compute_module, "resolve_compute", choose)
    common = [store, dataset_card(store), None]
    training = {"epochs": 1, "batch_size": 16}
    finder = {"steps": 3, "lowest": 1e-6, "highest": 10.0}
    with pytest.raises(ChosenError):
        search(*common, MODEL, training, AUGMENTATION, COMPUTE, finder, 0)
    with pytest.raises(ChosenError):
        train_network(*common, None, MODEL, training, AUGMENTATION, COMPUTE, 0, ALONE)
    assert chosen[0] == chosen[1]
    assert chosen[0]["workload"] is not None
