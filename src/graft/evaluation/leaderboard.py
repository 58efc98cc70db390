"""Results of several runs in an order that claims no more than they show.

Runs of one configuration that differ by their seed are one contestant, whose score is their mean.
Each pair of contestants is tested on the same test images:

* with one run each, by McNemar's exact test (of accuracy; of several labels of the exact match) or
  else by the paired bootstrap over images: is one classifier better than the other on images of
  this kind?
* with more, by the paired t-test over the seeds that both have: is one way of training better than
  the other? What other images of the kind would change is in there only as far as the seed also
  chooses the test images.

The p-values are corrected for the number of pairs (Holm). Ranks are shared: the best contestant is
first, and so is every one that follows it as long as the difference to it is not significant; the
first one that is surely worse opens the next rank, which others share with it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.errors import GraftError
from graft.evaluation.comparison import (
    ACCURACY,
    EXACT_MATCH,
    LOSSES,
    check_same_images,
    mcnemar_exact,
    measures,
    paired_difference,
    paired_samples,
    paired_seeds_interval,
)
from graft.evaluation.intervals import Interval
from graft.evaluation.metrics import overall_scores
from graft.evaluation.probability_scores import probability_scores
from graft.evaluation.significance import benjamini_hochberg, bootstrap_p, holm, paired_t_p

if TYPE_CHECKING:
    import pandas as pd

    from graft.evaluation.predictions import Predictions

_TO_BEST = ("difference", "difference_low", "difference_high", "p_holm")


@dataclass(frozen=True, eq=False)
class Result:
    """What one method of one run says of the test images.

    Attributes:
        configuration: What the run was told but for its seed, in a few words.
        seed: Its seed.
        run: Where to find it.
        data: Names its images, labels and parts (`ImageStore.digest`); runs that differ in it may
            still have the same test images.
        predictions: Of the test images.
        parameters: What the run was told, dotted names and texts; as far as that decides on
            results, and without the seed.
    """

    configuration: str
    seed: int
    run: str
    data: str
    predictions: Predictions
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Contestant:
    """All results of one configuration and method, by seed."""

    name: str
    results: dict[int, Result]
    score: Interval
    deviation: float

    def shared(self, other: Contestant) -> list[tuple[Predictions, Predictions]]:
        """Predictions of both with the same seed; of one run each, whatever their seeds are.

        Raises:
            GraftError: There are no such, or they are of other images.
        """
        seeds = sorted(self.results.keys() & other.results.keys())
        pairs = [(self.results[seed], other.results[seed]) for seed in seeds]
        if len(self.results) == len(other.results) == 1:
            pairs = list(zip(self.results.values(), other.results.values(), strict=True))
        if not pairs:
            raise GraftError(
                f"{self.name} has the seeds {sorted(self.results)}, {other.name} has "
                f"{sorted(other.results)}: none in common. Run both with the same seeds."
            )
        for one, another in pairs:
            _require_same_images(one, another)
        return [(one.predictions, another.predictions) for one, another in pairs]


def leaderboard(
    results: Sequence[Result],
    *,
    measure: str | None,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank results, and test each pair.

    Args:
        results: At least two contestants' worth of them.
        measure: One of `graft.evaluation.comparison.measures`; None is accuracy, or the mean
            average precision where images show several classes.
        resamples: How many sets of images the bootstrap draws.
        confidence: Coverage of the intervals; 1 minus it is the level of the tests.
        seed: Of the bootstrap.

    Returns:
        The leaderboard, best first: rank, method, seeds (how many), test_images, measure, score
        with _low and _high, deviation (between seeds; NaN of one), difference (to the first row,
        with _low and _high, and p_holm; NaN in the first row), runs and data (joined by a space).

        The pairs, better one first: first, second, seeds, difference (first minus second) with
        _low and _high, test, p, p_holm (Holm), q (Benjamini-Hochberg).

    Raises:
        GraftError: Fewer than two contestants, two results of the same one with the same seed,
            results that share neither seeds nor test images, or a measure that they do not have.
    """
    import pandas as pd

    if not results:
        raise GraftError("There are no results to compare.")
    settings: dict[str, Any] = {"resamples": resamples, "confidence": confidence, "seed": seed}
    measure = measure or measures(results[0].predictions)[0]
    contestants = sorted(
        _contestants(results, measure, settings),
        key=lambda contestant: contestant.score.value,
        reverse=measure not in LOSSES,
    )
    if len(contestants) < 2:
        raise GraftError(
            f"There is only {contestants[0].name}: a comparison takes two. Name another run or "
            "experiment, or more methods (comparison.methods)."
        )
    pairs = pd.DataFrame(
        [
            {"first": a.name, "second": b.name} | _tested(a, b, measure, settings)
            for a, b in combinations(contestants, 2)
        ]
    )
    p_values = pairs["p"].to_numpy(dtype=np.float64)
    pairs = pairs.assign(p_holm=holm(p_values), q=benjamini_hochberg(p_values))
    board = _board(contestants, measure, pairs.set_index(["first", "second"]), 1 - confidence)
    return board, pairs


def _contestants(
    results: Sequence[Result], measure: str, settings: dict[str, Any]
) -> list[Contestant]:
    several_methods = len({result.predictions.method for result in results}) > 1
    several_configurations = len({result.configuration for result in results}) > 1
    found: dict[str, dict[int, Result]] = {}
    for result in results:
        name = result.predictions.method if several_methods else result.configuration
        if several_methods and several_configurations:
            name = f"{result.configuration}: {name}"
        of_name = found.setdefault(name, {})
        if result.seed in of_name:
            raise GraftError(
                f"{of_name[result.seed].run} and {result.run} are both {name} with seed "
                f"{result.seed}: a run and its repetition. Leave one of them out."
            )
        of_name[result.seed] = result
    return [
        Contestant(name, of_name, *_scored(name, of_name, measure, settings))
        for name, of_name in found.items()
    ]


def _scored(
    name: str, results: dict[int, Result], measure: str, settings: dict[str, Any]
) -> tuple[Interval, float]:
    """Score with its interval, and the deviation between seeds."""
    scores = []
    for result in results.values():
        predictions = result.predictions
        if measure not in measures(predictions):
            raise GraftError(
                f"comparison.measure: {name} has no {measure}; it has "
                f"{', '.join(measures(predictions))}."
            )
        score = probability_scores if measure in LOSSES else overall_scores
        scores.append(score(predictions, **settings)[measure])
    if len(scores) == 1:
        return scores[0], float("nan")
    values = [score.value for score in scores]
    mean, low, high = paired_seeds_interval(values, settings["confidence"])
    within = Interval(mean, max(low, 0.0), high if measure in LOSSES else min(high, 1.0))
    return within, float(np.std(values, ddof=1))


def _tested(a: Contestant, b: Contestant, measure: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The difference of two contestants, and whether chance makes one so large."""
    shared = a.shared(b)
    if len(shared) == 1:
        ((one, other),) = shared
        difference = paired_difference(one, other, **settings, measure=measure)
        if measure in (ACCURACY, EXACT_MATCH):
            test, p = "McNemar, exact", mcnemar_exact(one, other)
        else:
            draw = {key: settings[key] for key in ("resamples", "seed")}
            _, samples = paired_samples(one, other, **draw, measure=measure)
            test, p = "paired bootstrap", bootstrap_p(samples)
    else:
        differences = [
            paired_samples(one, other, resamples=1, seed=0, measure=measure)[0]
            for one, other in shared
        ]
        difference = paired_seeds_interval(differences, settings["confidence"])
        test, p = "paired t over seeds", paired_t_p(differences)
    return {
        "seeds": len(shared),
        "difference": difference.value,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "test": test,
        "p": p,
    }


def _board(
    contestants: Sequence[Contestant], measure: str, pairs: pd.DataFrame, level: float
) -> pd.DataFrame:
    import pandas as pd

    best, rows = contestants[0], []
    leader, rank = best, 1
    for position, contestant in enumerate(contestants, start=1):
        if contestant is not leader:
            to_leader = pairs.loc[(leader.name, contestant.name)]
            # On the seeds that both have, the one with the lower mean may be the better one.
            worse = (to_leader["difference"] > 0) != (measure in LOSSES)
            if worse and to_leader["p_holm"] < level:
                leader, rank = contestant, position
        to_best = {name: np.nan for name in _TO_BEST}
        if contestant is not best:
            to_best = pairs.loc[(best.name, contestant.name), list(_TO_BEST)].to_dict()
        results = contestant.results.values()
        row = {
            "rank": rank,
            "method": contestant.name,
            "seeds": len(results),
            "test_images": min(len(result.predictions.ids) for result in results),
            "measure": measure,
            "score": contestant.score.value,
            "score_low": contestant.score.low,
            "score_high": contestant.score.high,
            "deviation": contestant.deviation,
            # Of the pairs it is the better one's minus the other's. (There is no -0.0.)
            "difference": 0.0 - to_best["difference"],
            "difference_low": 0.0 - to_best["difference_high"],
            "difference_high": 0.0 - to_best["difference_low"],
            "p_holm": to_best["p_holm"],
            "runs": " ".join(result.run for result in results),
            "data": " ".join(sorted({result.data for result in results})),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _require_same_images(one: Result, other: Result) -> None:
    try:
        check_same_images(one.predictions, other.predictions)
    except ValueError as error:
        raise GraftError(
            f"{one.configuration} (run {one.run}, data {one.data}) and {other.configuration} "
            f"(run {other.run}, data {other.data}) have other test images: {error}. The test "
            "images follow from source, images, split.test and seed; give runs that share them."
        ) from error
