"""What two processes make of what each of them has."""

import math
import threading
from typing import ClassVar

import torch

from graft.training.distributed.group import Group
from graft.training.measures import Measured


class Pair(Group):
    """Two processes' groups, in two threads."""

    meet = threading.Barrier(2, timeout=60)
    tensors: ClassVar = {}

    def sum(self, tensor):
        self.tensors[self.rank] = tensor.clone()
        self.meet.wait()
        tensor.copy_(self.tensors[0] + self.tensors[1])
        self.meet.wait()
        return tensor


def pool(*given):
    """What two processes make of (gradient, terms, images at once, signal) each."""
    found = [None, None]

    def take(rank):
        gradient, terms, at_once, stop = given[rank]
        tensor = torch.tensor(gradient)
        one = torch.tensor(1.0)
        group = Pair(rank, 2, stop=stop)
        pooled = group.pool([tensor], terms, Measured(one * terms, one, terms, terms), at_once)
        found[rank] = (tensor, pooled)

    threads = [threading.Thread(target=take, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (first, one), (second, other) = found
    assert torch.equal(first.nan_to_num(), second.nan_to_num())
    assert (one.at_once, one.stop) == (other.at_once, other.stop)
    return first.tolist(), one


def test_shares_count_by_what_is_in_them():
    gradient, pooled = pool(([1.0, 0.0], 1, None, 0), ([4.0, 2.0], 3, None, 0))
    assert gradient == [(1 + 12) / 4, 6 / 4]
    assert float(pooled.measured.loss) == (1 + 9) / 4
    assert pooled.measured.images == 4
    assert (pooled.at_once, pooled.stop) == (None, 0)


def test_numbers_memory_and_signals_of_one_are_those_of_all():
    gradient, pooled = pool(([math.nan, 0.0], 2, None, 0), ([4.0, 2.0], 2, 1, 15))
    assert math.isnan(gradient[0])
    assert gradient[1] == 1.0
    assert (pooled.at_once, pooled.stop) == (1, 15)
