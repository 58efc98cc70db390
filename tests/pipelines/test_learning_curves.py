"""The pipeline `learning_curves` from a store to the figure, on noise that can be learnt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.compute import Compute
from graft.config.loader import GraftConfigLoader
from graft.images.store import ImageStore
from graft.pipelines.learning_curves import nodes

from ..end_to_end.project_copy import ROOT


def parameters() -> dict[str, Any]:
    loader = GraftConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")
    return dict(loader["parameters"])


def test_transfer_and_scratch_are_trained_at_each_size_with_each_seed(
    store: ImageStore, cpu: Compute
) -> None:
    given = parameters()
    given["model"] |= {"backbone": "fully_connected", "weights": "none", "input_size": 8}
    given["training"] |= {"epochs": 1, "batch_size": 12}
    given["augmentation"]["policy"] = "none"
    given["compute"] |= {"device": "cpu", "threads": 1}
    given["evaluation"]["bootstrap_resamples"] = 20
    given["learning_curves"] = {"fractions": [0.25, 0.26, 1.0], "seeds": 2, "least_steps": 2}
    card = {"data": store.digest, "channel_mean": [0.4] * 3, "channel_std": [0.2] * 3}
    sections = ("model", "training", "scratch", "augmentation", "compute", "learning_curves")
    points = nodes.train_at_all_sizes(store, card, None, *(given[name] for name in sections), 0)
    table, diagnosis = nodes.summarise_curves(points, store, given["evaluation"])
    assert len(points) == 2 * 2 * 2  # 0.26 of 16 images of a class are 0.25 of them
    told = points.groupby("train_images")[["epochs", "fraction"]].first()
    assert told.to_dict("index") == {
        12: {"epochs": 2, "fraction": 0.25},
        48: {"epochs": 1, "fraction": 1.0},
    }
    assert points[["train", "validation", "test"]].notna().all(axis=None)
    assert table["method"].tolist() == ["fine-tuned"] * 2 + ["from scratch"] * 2
    assert table["seeds"].tolist() == [2] * 4
    assert set(diagnosis) == {"fine-tuned", "from scratch"}
    figure = nodes.draw_learning_curves(table, points, store)
    assert len(figure.axes) == 2
    assert figure.axes[0].get_title(loc="left") == "Accuracy on the test images"


def test_the_baseline_of_several_labels_is_the_mean_over_the_classes() -> None:
    labels = np.array([[1, 1, 0], [-1, 0, 0], [-1, 0, 0], [0, 0, 0]], dtype=np.int8)
    store: Any = SimpleNamespace(multi_label=True, labels=lambda part: labels)
    told = {"method": "fine-tuned", "train_images": 9, "seed": 0, "epochs": 1, "seconds": 1.0}
    points = pd.DataFrame([told | {"train": 0.9, "validation": np.nan, "test": 0.8}])
    _, diagnosis = nodes.summarise_curves(points, store, {"confidence": 0.95})
    # A share of 1 / 2 and one of 1 / 4; nothing shows the third class.
    assert diagnosis["fine-tuned"]["baseline"] == pytest.approx(0.375)
