"""What do Graft's support vector machines save against plain scikit-learn, and do they agree?

    python benchmarks/svm_at_scale.py
    python benchmarks/svm_at_scale.py --images 50000 --features 2048 --ways linear --repeats 2

Features are random, correlated like a network's (second moments that fall off by a power), with a
few directions that tell the classes. The ways take turns in each repeat, there and back; costs are
processor seconds on one thread, median and quartiles over repeats. Beside them the accuracy on
2,000 other images, and on what share of those the class is the one that scikit-learn decides for.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_limits

from graft.probes.machines import LEAST_FOR_ONEDAL
from graft.probes.svm import SVMRecipe, fit_svm

TEST_IMAGES = 2_000
Way = Callable[[], np.ndarray]  # the classes decided for


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--features", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--classes", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--C", type=float, default=0.01, help="of linear; default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--ways", choices=("all", "linear", "rbf"), default="all")
    parser.add_argument("--without-peers", action="store_true", help="Graft's own alone")
    arguments = parser.parse_args()
    if arguments.repeats < 1 or arguments.classes < 3:
        parser.error("it takes at least one repeat and three classes")
    features, labels = random_features(arguments.images, arguments.features, arguments.classes)
    ways = ways_of(features, labels, arguments)
    with threadpool_limits(1):
        seconds, decided = take_turns(ways, arguments.repeats)
    print(  # noqa: T201
        f"{arguments.images:,} images, {arguments.features:,} features, "
        f"{arguments.classes} classes\n"
    )
    print(summary(seconds, decided, labels[-TEST_IMAGES:]).to_string())  # noqa: T201


def random_features(images: int, width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 (images + TEST_IMAGES, width) and their classes."""
    rng = np.random.default_rng(0)
    count = images + TEST_IMAGES
    labels = rng.integers(0, classes, count)
    centres = rng.normal(size=(classes, width)).astype(np.float32)
    noise = rng.standard_normal((count, width), dtype=np.float32)
    spread = (np.arange(1, width + 1) ** -0.5).astype(np.float32)
    mixing = spread[:, None] * rng.standard_normal((width, width), dtype=np.float32)
    features = noise @ mixing
    features += 0.12 * features.std() * centres[labels]
    return features, labels


def ways_of(
    features: np.ndarray, labels: np.ndarray, arguments: argparse.Namespace
) -> dict[str, Way]:
    """The ways by name, Graft's and scikit-learn's."""
    train, test = slice(0, arguments.images), slice(arguments.images, None)
    names = [str(k) for k in range(arguments.classes)]

    def graft(**recipe: object) -> Way:
        def decide() -> np.ndarray:
            chosen = SVMRecipe(**recipe)  # type: ignore[arg-type]
            machine = fit_svm(features[train], labels[train], names, chosen, seed=0)
            return machine.scores(features[test]).argmax(axis=1)

        return decide

    def plain(machine: SVC | LinearSVC) -> Way:
        def decide() -> np.ndarray:
            scaler = StandardScaler().fit(features[train])
            machine.fit(scaler.transform(features[train]), labels[train])
            return np.asarray(machine.predict(scaler.transform(features[test])))

        return decide

    price, landmarks = arguments.C, min(2_000, arguments.images // 5)
    ways = {
        "linear, Graft": graft(kernel="linear", C=price),
        "linear, scikit-learn": plain(LinearSVC(C=price, dual="auto", max_iter=5000)),
        "rbf, Graft, landmarks": graft(approximation="nystroem", landmarks=landmarks),
        "rbf, Graft, exact": graft(approximation="exact", onedal="never"),
        "rbf, scikit-learn": plain(SVC(C=10.0, cache_size=500, break_ties=True)),
    }
    if arguments.images >= LEAST_FOR_ONEDAL and find_spec("sklearnex") is not None:
        ways["rbf, Graft, exact by oneDAL"] = graft(approximation="exact")
    return {
        name: way
        for name, way in ways.items()
        if arguments.ways in ("all", name.partition(",")[0])
        and not (arguments.without_peers and "scikit-learn" in name)
    }


def take_turns(
    ways: dict[str, Way], repeats: int
) -> tuple[dict[str, list[float]], dict[str, np.ndarray]]:
    """Processor seconds of each repeat, and what was decided in the last."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    decided = {}
    for repeat in range(repeats):
        for name, way in list(ways.items())[:: 1 if repeat % 2 else -1]:
            started = time.process_time()
            decided[name] = way()
            seconds[name].append(time.process_time() - started)
    return seconds, decided


def summary(
    seconds: dict[str, list[float]], decided: dict[str, np.ndarray], labels: np.ndarray
) -> pd.DataFrame:
    """A row for each way: seconds, accuracy, and agreement with scikit-learn."""
    rows = {}
    for name, times in seconds.items():
        kernel = name.partition(",")[0]
        other = decided.get(f"{kernel}, scikit-learn")
        rows[name] = {
            "seconds": np.median(times),
            "from": np.quantile(times, 0.25),
            "to": np.quantile(times, 0.75),
            "accuracy": (decided[name] == labels).mean(),
            "as scikit-learn": np.nan if other is None else (decided[name] == other).mean(),
        }
    return pd.DataFrame(rows).T.round(3)


if __name__ == "__main__":
    main()
