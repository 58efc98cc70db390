"""What a report concludes from its table ("Adam is the best optimizer"), put to the test.

A conclusion holds if the contestant that it names is better than each of the others by more than
chance explains, does not hold if one of the others is better than it by as much, and cannot be told
otherwise. Each pair is tested on the same test images as in `graft.evaluation.leaderboard`: of one
run each by McNemar's exact test (accuracy) or the paired bootstrap, of several seeds by the paired
t-test over them; the p-values of a claim are corrected for their number (Holm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graft.errors import GraftError
from graft.evaluation.comparison import ACCURACY, LOSSES
from graft.evaluation.leaderboard import Result, leaderboard
from graft.evaluation.significance import holm

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD = "holds", "does not hold", "cannot be told"


@dataclass(frozen=True)
class Claim:
    """A conclusion of the form "this one is the best of those".

    Attributes:
        text: As the report has it.
        best: The contestant that it names.
        among: All contestants, at least two.
        measure: One of `graft.evaluation.comparison.measures`; None is the first of them.
    """

    text: str
    best: str
    among: tuple[str, ...]
    measure: str | None = None


@dataclass(frozen=True)
class Judgement:
    """What has become of a claim.

    Attributes:
        claim: The claim.
        verdict: holds, does not hold or cannot be told.
        why: The reason in plain words.
    """

    claim: Claim
    verdict: str
    why: str


def judge_claim(
    claim: Claim,
    results: Mapping[str, Sequence[Result]],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Judgement:
    """Test a claim.

    Args:
        claim: What is claimed.
        results: Of each contestant the results that there are, one a seed; runs that two of them
            share are the same ones.
        resamples: How many sets of images the bootstrap draws.
        confidence: 1 minus it is the level of the tests.
        seed: Of the bootstrap.
    """
    others = [name for name in claim.among if name != claim.best]
    missing = [name for name in (claim.best, *others) if not results.get(name)]
    if missing:
        return Judgement(claim, CANNOT_BE_TOLD, f"{' and '.join(missing)} did not run")
    runs = {name: {result.run for result in results[name]} for name in claim.among}
    same = [name for name in others if runs[name] == runs[claim.best]]
    if same:
        why = f"{' and '.join(same)} and {claim.best} are one configuration here"
        return Judgement(claim, CANNOT_BE_TOLD, why)
    settings: dict[str, Any] = {"resamples": resamples, "confidence": confidence, "seed": seed}
    try:
        pairs = [_pair(claim.best, other, results, claim.measure, settings) for other in others]
    except GraftError as error:
        return Judgement(claim, CANNOT_BE_TOLD, str(error))
    adjusted = holm(np.array([pair.p for pair in pairs]))
    return _decide(claim, pairs, adjusted, level=1 - confidence)


@dataclass(frozen=True)
class _Pair:
    """The named one against another: how much better it is in the measure, in words, and p."""

    other: str
    advantage: float
    words: str
    p: float


def _pair(
    best: str,
    other: str,
    results: Mapping[str, Sequence[Result]],
    measure: str | None,
    settings: dict[str, Any],
) -> _Pair:
    contestants = [
        # The leaderboard calls them by their row alone if one method is all there is.
        replace(result, configuration=name, predictions=replace(result.predictions, method=""))
        for name in (best, other)
        for result in results[name]
    ]
    board, pairs = leaderboard(contestants, measure=measure, **settings)
    (pair,) = pairs.to_dict("records")
    found = str(board["measure"].iloc[0])
    advantage = pair["difference"] if pair["first"] == best else -pair["difference"]
    if found in LOSSES:
        words, advantage = f"{abs(advantage):.3f} in {found}", -advantage
    else:
        name = "" if found == ACCURACY else f" of {found.replace('_', ' ')}"
        words = f"{100 * abs(advantage):.1f} points{name}"
    return _Pair(other, float(advantage), words, float(pair["p"]))


def _decide(claim: Claim, pairs: Sequence[_Pair], adjusted: np.ndarray, level: float) -> Judgement:
    def told(pair: _Pair, p: float) -> str:
        chance = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
        return f"{pair.other} ({pair.words}, {chance})"

    with_p = list(zip(pairs, map(float, adjusted), strict=True))
    beaten = [told(pair, p) for pair, p in with_p if pair.advantage > 0 and p < level]
    better = [told(pair, p) for pair, p in with_p if pair.advantage < 0 and p < level]
    open_ones = [told(pair, p) for pair, p in with_p if not (p < level and pair.advantage != 0)]
    sentences = []
    if better:
        sentences.append(f"better than {claim.best}: {', '.join(better)}")
    if beaten:
        sentences.append(f"{claim.best} is better than {', '.join(beaten)}")
    if open_ones:
        sentences.append(f"no proven difference from {', '.join(open_ones)}")
    verdict = DOES_NOT_HOLD if better else CANNOT_BE_TOLD if open_ones else HOLDS
    return Judgement(claim, verdict, "; ".join(sentences))
