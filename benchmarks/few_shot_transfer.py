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
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from graft.config.loader import GraftConfigLoader
from graft.datasets import DecodedImagesDataset, DuplicatePairsDataset
from graft.evaluation.comparison import paired_seeds_interval
from graft.evaluation.predictions import Predictions
from graft.images.sources import get_source
from graft.models.weights import load_weights
from graft.pipeline_registry import register_pipelines

PROJECT = Path(__file__).resolve().parents[1]
MEMORIES = ("training_state", "scratch_state", "feature_cache")
PREDICTIONS = ("network_predictions", "svm_predictions", "scratch_predictions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiment", default="digits_10shot")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print figures for a program to read")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("an interval takes at least two seeds")
    logging.basicConfig(level=logging.ERROR)

    seeds = range(arguments.seeds)
    with TemporaryDirectory() as folder:
        accuracies = pd.DataFrame(
            [accuracies_of_one_seed(arguments.experiment, seed, folder) for seed in seeds]
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


def accuracies_of_one_seed(experiment: str, seed: int, folder: str) -> dict[str, float]:
    """Test accuracy of the three classifiers, by the project's own pipelines.

    Nothing is saved but what all seeds share: decoded images and their duplicates, in `folder`.
    """
    params = _parameters(experiment, seed)
    source, model = params["source"], params["model"]
    listing = get_source(source["name"]).list_from(
        Path(source["folder"]) if source["folder"] else None,
        PROJECT / "data/01_raw",
        source["options"],
    )
    given = {
        "source_images": listing,
        "pretrained_weights": load_weights(model["backbone"], model["weights"]),
        **dict.fromkeys(MEMORIES),  # each seed begins anew and knows nothing of others
        **{f"params:{name}": value for name, value in params.items()},
    }
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()}
    )
    catalog["decoded_images"] = DecodedImagesDataset(filepath=f"{folder}/images")
    catalog["duplicate_pairs"] = DuplicatePairsDataset(filepath=f"{folder}/duplicates.csv")
    pipeline = register_pipelines()["transfer_learning"].to_outputs(*PREDICTIONS)
    outputs = SequentialRunner().run(pipeline, catalog)
    predictions = [Predictions.from_frame(outputs[name].load()) for name in PREDICTIONS]
    return {p.method: float(p.correct.mean()) for p in predictions}


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
