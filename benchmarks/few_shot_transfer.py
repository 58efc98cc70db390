"""Does transfer help with ten training images a class? Five seeds, paired.

    python benchmarks/few_shot_transfer.py --seeds 5

Each seed draws its own split, training images, order, augmentation and head. The transferred
network, the SVM on frozen features and the same network from scratch see the same images, so that
the differences are paired: what is reported is their mean over the seeds with its t interval.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from graft.config.loader import GraftConfigLoader
from graft.evaluation.comparison import paired_seeds_interval
from graft.evaluation.predictions import Predictions
from graft.images.sources import get_source
from graft.models.weights import load_weights
from graft.pipelines.evaluation import nodes as evaluation
from graft.pipelines.feature_extraction import nodes as feature_extraction
from graft.pipelines.ingest import nodes as ingest
from graft.pipelines.svm import nodes as svm
from graft.pipelines.training import nodes as training

PROJECT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiment", default="digits_10shot")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print figures for a program to read")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("an interval takes at least two seeds")
    logging.basicConfig(level=logging.WARNING)

    accuracies = pd.DataFrame(
        [accuracies_of_one_seed(arguments.experiment, seed) for seed in range(arguments.seeds)]
    )
    differences = {
        name: paired_seeds_interval((accuracies[name] - accuracies["from scratch"]).tolist())
        for name in accuracies.columns.drop("from scratch")
    }
    if arguments.json:
        print(json.dumps({name: list(found) for name, found in differences.items()}))  # noqa: T201
        return
    print(accuracies.rename_axis("seed").map("{:.2%}".format).to_string())  # noqa: T201
    for name, found in differences.items():
        line = f"{name} minus from scratch: {100 * found.value:+.2f} points"
        print(f"{line} [{100 * found.low:+.2f}, {100 * found.high:+.2f}]")  # noqa: T201


def accuracies_of_one_seed(experiment: str, seed: int) -> dict[str, float]:
    """Test accuracy of the three classifiers: the project's own nodes, one after the other."""
    params = _parameters(experiment, seed)
    listing = get_source(params["source"]["name"]).list_images(None, PROJECT / "data/01_raw")
    decoded, _ = ingest.decode(listing, params["images"])
    store = ingest.pack(decoded, params["images"], params["split"], seed)
    card = ingest.describe(store)
    weights = load_weights(params["model"]["backbone"], params["model"]["weights"])

    shared = (params["augmentation"], params["compute"], seed)
    transferred, *_ = training.train_transferred(
        store, card, weights, params["model"], params["training"], *shared
    )
    scratch, _ = training.train_from_scratch(
        store, card, params["model"], params["training"], params["scratch"], *shared
    )
    features = feature_extraction.extract(
        store, card, weights, params["model"], params["features"], params["compute"], seed
    )
    machine = svm.fit(features, params["svm"], seed)
    predictions = [
        evaluation.predict_finetuned(transferred, store, params["compute"]),
        evaluation.predict_svm(machine, features),
        evaluation.predict_scratch(scratch, store, params["compute"]),
    ]
    return {p.method: float(p.correct.mean()) for p in map(Predictions.from_frame, predictions)}


def _parameters(experiment: str, seed: int) -> dict[str, Any]:
    loader = GraftConfigLoader(
        str(PROJECT / "conf"),
        base_env="base",
        default_run_env="local",
        runtime_params={"experiment": experiment, "seed": seed},
        merge_strategy={"parameters": "soft"},
    )
    return dict(loader["parameters"])


if __name__ == "__main__":
    main()
