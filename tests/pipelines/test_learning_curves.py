"""The pipeline `learning_curves` from a store to the figure, on noise that can be learnt."""

from __future__ import annotations

from typing import Any

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
    given["learning_curves"] = {"fractions": [0.25, 1.0], "seeds": 2, "least_steps": 2}
    card = {"data": store.digest, "channel_mean": [0.4] * 3, "channel_std": [0.2] * 3}
    sections = ("model", "training", "scratch", "augmentation", "compute", "learning_curves")
    points = nodes.train_at_all_sizes(store, card, None, *(given[name] for name in sections), 0)
    table, diagnosis = nodes.summarise_curves(points, store, given["evaluation"])
    assert len(points) == 2 * 2 * 2
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
