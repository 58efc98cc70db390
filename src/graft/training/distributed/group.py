"""What the processes of one training ask of each other.

Each computes its share of every batch; a step then sums their gradients, so that all change the
same weights in the same way and no weights are ever sent. That is what torch's
DistributedDataParallel does, said explicitly, for three reasons: its hooks send gradients in the
middle of a backward pass, which `graft.training.step` may have to repeat where memory runs out; it
averages over processes where shares of different sizes have to be weighted; and it wants to know
once and for all which parameters are trained.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from graft.errors import GraftError
from graft.seeding import derive_seed
from graft.training.measures import Measured

if TYPE_CHECKING:
    import torch

    from graft.training.state import StateKeeper, TrainingState


class PeerLost(RuntimeError):  # noqa: N818 - named for what happened
    """Another process of the training is gone, or has not answered for too long."""


class Pooled(NamedTuple):
    """Of a batch, over all processes.

    Attributes:
        measured: What the whole batch gave.
        at_once: The most images that each of them computes at once, None for its whole share.
        stop: The signal by which one of them was asked to stop, or 0.
    """

    measured: Measured
    at_once: int | None
    stop: int


@dataclass
class Group:
    """The processes of a training, as one of them sees them; by default there is no other.

    Every method but `seed` is called by all of them, in the same order. They raise `PeerLost`.

    Attributes:
        rank: Which of them this one is, from 0.
        size: How many there are.
        first: The rank of the one that keeps the training's state.
        restarted: Whether they have taken the place of others, who died.
        stop: A signal by which this process was asked to stop, until all of them know.
    """

    rank: int = 0
    size: int = 1
    first: int = 0
    restarted: bool = False
    stop: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this is the one that keeps the training's state."""
        return self.rank == self.first

    def seed(self, seed: int, epoch: int, batch: int) -> None:
        """Let dropout draw numbers of its own in each process.

        They are a function of (seed, epoch, batch, rank): a state has nothing to remember of them.
        A process by itself has one generator, which goes on from batch to batch.
        """
        import torch

        if self.size > 1:
            torch.manual_seed(derive_seed(seed, "dropout", epoch, batch, self.rank))

    def all(self, answer: bool) -> bool:
        """Whether all of them say yes."""
        return all(self.gather(answer))

    def gather(self, value: Any) -> list[Any]:
        """What each of them has, by rank."""
        if self.size == 1:
            return [value]
        import torch.distributed

        found: list[Any] = [None] * self.size
        with _answering():
            torch.distributed.all_gather_object(found, value)
        return found

    def require_same(self, setup: dict[str, Any]) -> None:
        """Check that all of them are about to do the same.

        Raises:
            GraftError: They are not: hosts were started with different parameters or images.
        """
        given = [json.loads(text) for text in self.gather(json.dumps(setup))]
        differing = sorted({k for other in given for k in setup if other.get(k) != given[0].get(k)})
        if differing:
            raise GraftError(
                "processes.hosts: the hosts of this training were started with different "
                f"{', '.join(differing)}. Run the same command, on the same images, on all of them."
            )

    def from_first(self, value: Any) -> Any:
        """What the first has, in all of them."""
        if self.size == 1:
            return value
        import torch.distributed

        held = [value if self.is_first else None]
        with _answering():
            torch.distributed.broadcast_object_list(held, src=self.first)
        return held[0]

    def copy_from_first(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrite tensors with those of the first."""
        if self.size == 1:
            return
        import torch.distributed

        with _answering():
            for tensor in tensors:
                sent = tensor.contiguous()  # as they have to be
                torch.distributed.broadcast(sent, src=self.first)
                tensor.copy_(sent)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over all of them, bit for bit the same in each, in the place of `tensor`."""
        if self.size > 1:
            import torch.distributed

            with _answering():
                torch.distributed.all_reduce(tensor)
        return tensor

    def pool(
        self,
        gradients: Sequence[torch.Tensor],
        terms: torch.Tensor | int,
        measured: Measured,
        at_once: int | None,
    ) -> Pooled:
        """Make of the gradients of all shares those of the whole batch's mean loss.

        One exchange carries all there is to say. A gradient that is no finite number in one process
        is none in any, so that all of them leave the step out.

        Args:
            gradients: Of this share's mean loss; overwritten.
            terms: How many terms that is the mean of.
            measured: What this share gave.
            at_once: How many of its images this process computes at once, None for all.
        """
        import torch

        device = measured.loss.device
        figures = torch.zeros(5 + 2 * self.size, device=device)
        figures[0] = measured.loss * terms
        figures[1] = terms
        figures[2] = measured.right
        figures[3] = measured.answers
        figures[4] = measured.images
        figures[5 + 2 * self.rank] = at_once or 0
        figures[6 + 2 * self.rank] = self.stop
        flat = self.sum(torch.cat([*(g.reshape(-1) * terms for g in gradients), figures]))
        *sums, figures = torch.split(flat, [*(g.numel() for g in gradients), len(figures)])
        total = figures[1].clamp(min=1)
        for gradient, summed in zip(gradients, sums, strict=True):
            gradient.copy_(summed.view(gradient.shape)).div_(total)
        images, *said = (int(value) for value in figures[4:].tolist())
        return Pooled(
            Measured(figures[0] / total, figures[2], figures[3], images),
            min((value for value in said[::2] if value), default=None),
            max(said[1::2]),
        )


ALONE = Group()


def shared_keeper(keeper: StateKeeper | None, group: Group) -> StateKeeper | None:
    """Where the state of a group's training is kept: by its first process, for all of them."""
    if group.size == 1:
        return keeper
    return _SharedKeeper(keeper, group) if group.from_first(keeper is not None) else None


class _SharedKeeper:
    """Saves in the first process only, which needs nobody for that; loads in all."""

    def __init__(self, keeper: StateKeeper | None, group: Group) -> None:
        self._own = keeper if group.is_first else None
        self._group = group

    def save(self, state: TrainingState) -> None:
        if self._own:
            self._own.save(state)

    def newest(self) -> TrainingState | None:
        state: TrainingState | None = self._group.from_first(
            self._own.newest() if self._own else None
        )
        return state


@contextmanager
def _answering() -> Iterator[None]:
    """A connection that breaks, or an answer that does not come, is about another process."""
    try:
        yield
    except RuntimeError as error:  # torch's DistError and its kin are RuntimeErrors
        raise PeerLost(str(error)) from error
