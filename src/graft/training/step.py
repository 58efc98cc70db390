"""One step of a training: a batch in, changed weights out, whatever memory and numbers do.

A batch that memory does not hold at once is computed in parts whose gradients are summed. A batch
that gives no finite numbers leaves no trace.
"""

from __future__ import annotations

import gc
import logging
import math
from typing import TYPE_CHECKING

from graft import interruption
from graft.errors import GraftError
from graft.training.distributed.group import ALONE, Group
from graft.training.measures import Measured, measure
from graft.training.setbacks import recover
from graft.training.state import random_state, restore_random_state

if TYPE_CHECKING:
    import torch

    from graft.training.losses import Loss
    from graft.training.moving_parts import MovingParts
    from graft.training.recipe import TrainingRecipe
    from graft.training.views import View

logger = logging.getLogger(__name__)

# A number that is none goes back through the network from where it is born, and so into biases,
# norms and small filters. To look for it in large matrices, too, costs a small network 6 % of its
# time. What overflows in one of these alone is found in the loss of the next batches.
_SMALL = 2**16  # numbers of a gradient
SKIPPED_IN_A_ROW = 5  # batches without finite numbers, after which the weights are to blame
# What is said by torch's allocators, cuBLAS and cuDNN, and oneDNN (of its compiled kernels).
_OUT_OF_MEMORY = (
    "out of memory",
    "allocate memory",
    "not enough memory",
    "ALLOC_FAILED",
    "could not create a primitive",
)


class Step:
    """Trains the network of `parts` a batch at a time.

    Args:
        parts: What changes.
        loss_function: Of logits and targets.
        recipe: The training's constants.
        group: The processes that compute shares of each batch.
    """

    def __init__(
        self,
        parts: MovingParts,
        loss_function: Loss,
        recipe: TrainingRecipe,
        group: Group = ALONE,
    ) -> None:
        self._parts = parts
        self._loss_function = loss_function
        self._recipe = recipe
        self._group = group
        self._parameters = [p for group in parts.optimizer.param_groups for p in group["params"]]
        self._before = _Before(parts)

    def take(self, view: View) -> Measured | None:
        """Forward, backward, and the optimizer's step.

        Returns:
            What the whole batch gave; None where the loss or its gradients were no finite numbers:
            weights, momenta, averages and batch-norm statistics are then what they were.

        Raises:
            GraftError: There is no memory for a single image, or batch norm wants more than that;
                or the weights have diverged.
        """
        parts = self._parts
        self._before.remember()
        measured = self._compute_gradients(view)
        if self._group.size > 1:
            measured = self._pool(view, measured)
        norm = self._gradient_norm()
        is_sound = self._is_sound(measured.loss, norm)
        if is_sound:
            self._change_weights(norm)
        parts.scaler.update()
        parts.schedule.step()
        parts.batch += 1
        if not is_sound:
            self._skip()
            return None
        parts.skipped_in_a_row = 0
        return measured

    def _compute_gradients(self, view: View) -> Measured:
        """The gradients of the batch's mean loss, in as many parts as memory asks for."""
        while True:
            try:
                return self._forward_and_backward(view)
            except ValueError as error:
                if "more than 1 value per channel" not in str(error):
                    raise
                raise GraftError(
                    "training.micro_batch_size: one image at once is too few for this network's "
                    "batch norm. Raise it, or training.batch_size where that is 1; where memory "
                    "runs out, choose a smaller model.backbone, images.size or model.input_size."
                ) from None
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                message = str(error).partition("\n")[0]
            # Here, since the error's frames held on to what has to be freed.
            self._halve(len(view.images), message)

    def _forward_and_backward(self, view: View) -> Measured:
        import torch

        parts = self._parts
        parts.optimizer.zero_grad(set_to_none=True)
        losses, logits = [], []
        for part in view.split(even_sizes(len(view.images), parts.micro_batch_size)):
            with parts.compute.autocast():
                output = parts.model(part.images)
                loss = self._loss_function(output, part.targets)
            loss = loss * self._loss_function.share(part.targets, view.targets)
            parts.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            logits.append(output.detach())
        return measure(torch.stack(losses).sum(), torch.cat(logits), view.labels)

    def _pool(self, view: View, measured: Measured) -> Measured:
        """From what this process's share of the batch gave to what the whole batch gave."""
        parts = self._parts
        pooled = self._group.pool(
            [parameter.grad for parameter in self._parameters if parameter.grad is not None],
            self._loss_function.terms(view.targets),
            measured,
            parts.micro_batch_size,
        )
        if pooled.at_once and pooled.at_once != parts.micro_batch_size:
            parts.micro_batch_size = pooled.at_once
            logger.warning(
                "Memory of another process does not hold more than %d images at once: neither "
                "does this one take more from here on.",
                pooled.at_once,
            )
        if pooled.stop:
            interruption.ask(pooled.stop)
        return pooled.measured

    def _halve(self, images: int, message: str) -> None:
        """As if the batch had not been tried, but fewer images at once from now on."""
        import torch

        parts = self._parts
        tried = min(parts.micro_batch_size or images, images)
        if tried == 1:
            raise GraftError(
                f"There is not enough memory to train on a single image ({message}). Choose a "
                "smaller model.backbone, images.size or model.input_size, freeze more of the "
                "network (model.freezing), or free memory that other processes hold."
            )
        parts.optimizer.zero_grad(set_to_none=True)
        self._before.restore_buffers()
        self._before.restore_generators()
        gc.collect()
        if parts.compute.device.startswith("cuda"):
            torch.cuda.empty_cache()
        parts.micro_batch_size = (tried + 1) // 2
        logger.warning(
            "Memory does not hold %d images at once (%s). From here on gradients are summed over "
            "parts of at most %d images; a step's batch stays what it was. "
            "training.micro_batch_size: %d begins so.",
            tried,
            message,
            parts.micro_batch_size,
            parts.micro_batch_size,
        )

    def _gradient_norm(self) -> torch.Tensor:
        """Of all gradients together, the loss scale taken out; not finite if one of them is not.

        Where nobody needs more than whether it is finite, that of the small ones.
        """
        import torch

        scaler = self._parts.scaler
        scaler.unscale_(self._parts.optimizer)
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        small = [gradient.flatten() for gradient in gradients if gradient.numel() <= _SMALL]
        if self._recipe.gradient_clipping is None and not scaler.is_enabled() and small:
            gradients = [torch.cat(small)]
        return torch.nn.utils.get_total_norm(gradients)

    def _is_sound(self, loss: torch.Tensor, norm: torch.Tensor) -> bool:
        """Whether the numbers are finite; this waits for the device."""
        import torch

        finite_loss, finite_gradients = map(math.isfinite, torch.stack([loss, norm]).tolist())
        # Gradients that overflow at a high scale of the loss are the scaler's affair: it leaves the
        # step out and lowers its scale. Without a scaler, the scale is 1.
        return finite_loss and (finite_gradients or self._parts.scaler.get_scale() > 1)

    def _change_weights(self, norm: torch.Tensor) -> None:
        import torch

        parts = self._parts
        if self._recipe.gradient_clipping is not None:
            longest = self._recipe.gradient_clipping
            torch.nn.utils.clip_grads_with_norm_(self._parameters, longest, norm)
        parts.scaler.step(parts.optimizer)
        if parts.averaged is not None:
            parts.averaged.update_parameters(parts.model)

    def _skip(self) -> None:
        parts = self._parts
        self._before.restore_buffers()
        parts.skipped += 1
        parts.skipped_in_epoch += 1
        parts.skipped_in_a_row += 1
        logger.warning(
            "Epoch %d, batch %d is skipped: its loss or gradients are no finite numbers.",
            parts.epoch,
            parts.batch,
        )
        if parts.skipped_in_a_row >= SKIPPED_IN_A_ROW:
            recover(parts, self._recipe)


class _Before:
    """What a forward pass changes: buffers (batch-norm statistics) and generators (dropout)."""

    def __init__(self, parts: MovingParts) -> None:
        import torch

        # Of each type together: then copying all is one kernel on a GPU.
        buffers = list(parts.model.net.buffers())
        types = dict.fromkeys(buffer.dtype for buffer in buffers)
        self._buffers = [[b for b in buffers if b.dtype == dtype] for dtype in types]
        self._saved = [[torch.clone(b) for b in group] for group in self._buffers]
        self._device = parts.compute.device
        self._generators = random_state(self._device)

    def remember(self) -> None:
        import torch

        for saved, buffers in zip(self._saved, self._buffers, strict=True):
            torch._foreach_copy_(saved, buffers)
        self._generators = random_state(self._device)

    def restore_buffers(self) -> None:
        import torch

        for saved, buffers in zip(self._saved, self._buffers, strict=True):
            torch._foreach_copy_(buffers, saved)

    def restore_generators(self) -> None:
        restore_random_state(self._generators, self._device)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, on whatever device.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    """
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)


def even_sizes(images: int, at_once: int | None) -> list[int]:
    """Sizes of parts as equal as possible, none above `at_once`.

    >>> even_sizes(10, 4)
    [4, 3, 3]
    """
    count = -(-images // (at_once or images))
    return [images // count + (number < images % count) for number in range(count)]
