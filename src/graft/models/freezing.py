"""Which stages of a network are trained: freezing strategies by name.

The strategies are those of report 003, where freezing the first few stages did best and training
only the last few did worst.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from graft.errors import GraftError

STRATEGIES = ("none", "all_except_last", "first_<k>", "all_except_<k>")
_COUNTED = re.compile(r"(first|all_except)_([1-9]\d*)")


def is_strategy(name: str) -> bool:
    """Whether this is one of `STRATEGIES`, with a number from 1 for its k.

    >>> is_strategy("first_2"), is_strategy("first_k")
    (True, False)
    """
    return name in STRATEGIES[:2] or _COUNTED.fullmatch(name) is not None


def trainable_stages(
    strategy: str | Sequence[str], stages: Sequence[str], backbone: str
) -> frozenset[str]:
    """The stages that a strategy trains; the head, which is none of them, always is trained.

    Args:
        strategy: "none" (nothing is frozen), "all_except_last" (all stages are: only the head is
            trained), "first_<k>" (the first k stages are), "all_except_<k>" (all but the last k
            are), or the names of the stages to train.
        stages: The network's stages from input to output, without the head.
        backbone: Its name, for messages.

    Raises:
        GraftError: An unknown strategy or stage, or more stages than there are.

    >>> sorted(trainable_stages("first_2", ["stem", "layer1", "layer2", "layer3"], "a network"))
    ['layer2', 'layer3']
    >>> sorted(trainable_stages("all_except_1", ["stem", "layer1", "layer2"], "a network"))
    ['layer2']
    """
    if strategy == "none":
        return frozenset(stages)
    if strategy == "all_except_last":
        return frozenset()
    if isinstance(strategy, str):
        if counted := _COUNTED.fullmatch(strategy):
            return frozenset(_counted_stages(counted, stages, backbone))
        strategy = [strategy]
    unknown = [stage for stage in strategy if stage not in stages]
    if unknown:
        raise GraftError(
            f"model.freezing: {backbone} has no stage '{unknown[0]}'. Give one of "
            f"{', '.join(STRATEGIES)} (k is a number), or a list of stages to train: "
            f"{', '.join(stages)}."
        )
    return frozenset(strategy)


def _counted_stages(counted: re.Match[str], stages: Sequence[str], backbone: str) -> Sequence[str]:
    count = int(counted[2])
    if count > len(stages):
        raise GraftError(
            f"model.freezing: '{counted[0]}' counts more stages than {backbone} has, "
            f"{len(stages)}: {', '.join(stages)}."
        )
    return stages[count:] if counted[1] == "first" else stages[-count:]
