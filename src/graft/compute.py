"""Where and how a model computes: device, precision, threads.

`auto` picks CUDA, then Apple's MPS, then the CPU. Half precision is a default only where it has
been shown to cost nothing; everything else has to be asked for.
"""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch
    from torch import nn

logger = logging.getLogger(__name__)

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True)
class Compute:
    """A resolved choice of device and precision.

    Attributes:
        device: "cpu", "cuda:0" or "mps".
        precision: "fp32", "bf16" or "fp16"; weights stay float32, operations are autocast.
        threads: Intra-operation threads on the CPU.
    """

    device: str
    precision: str
    threads: int

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which forward passes run."""
        import torch

        if self.precision == "fp32":
            return nullcontext()
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
        return torch.autocast(self.device.split(":")[0], dtype=dtype)

    def grad_scaler(self) -> torch.amp.GradScaler:
        """Loss scaling, which fp16's narrow range of exponents needs and the others do not."""
        import torch

        return torch.amp.GradScaler(self.device.split(":")[0], enabled=self.precision == "fp16")

    def synchronize(self) -> None:
        """Wait for the accelerator, so that a clock read afterwards is honest."""
        import torch

        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        elif self.device == "mps":
            torch.mps.synchronize()

    @property
    def images_at_once(self) -> int:
        """How many a network that only answers is best given.

        Of 256 the feature maps leave a CPU's caches: MobileNetV2 at 96 pixels takes 1.3 to 1.7
        times as long as of 64.
        """
        return 64 if self.device == "cpu" else 256

    def place(self, model: nn.Module) -> None:
        """Move a network here, in the memory order in which convolutions are fastest."""
        import torch

        model.to(self.device)
        if not self.device.startswith("mps"):
            model.to(memory_format=torch.channels_last)


def resolve_compute(
    device: str = "auto", precision: str = "auto", threads: int | str = "auto"
) -> Compute:
    """Choose device, precision and threads, set them, and say in the log what was chosen.

    Args:
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto" (bf16 on a CUDA device that computes in it, else fp32), "fp32", "bf16"
            or "fp16" (CUDA and MPS only).
        threads: "auto" (the processors that this process may use, or OMP_NUM_THREADS where the
            user has set it) or a number.

    Raises:
        GraftError: The device is not there, or it does not compute in the precision.
    """
    import torch

    name = _resolve_device(device)
    chosen_precision = _resolve_precision(precision, name)
    count = _resolve_threads(threads)
    torch.set_num_threads(count)
    if name == "cpu":
        # Adam's averages decay into subnormal numbers, with which processors are slow: training a
        # small network took 715 instead of 433 µs an image after some hundred steps.
        torch.set_flush_denormal(True)
    if name.startswith("cuda"):
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    logger.info("Computing on %s in %s with %d CPU threads.", name, chosen_precision, count)
    return Compute(name, chosen_precision, count)


def _resolve_device(device: str) -> str:
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return "cpu"
    if kind == "mps" and torch.backends.mps.is_available():
        return "mps"
    if kind == "cuda" and torch.cuda.is_available():
        index = int(number) if number.isdigit() else 0
        if index < torch.cuda.device_count():
            return f"cuda:{index}"
    raise GraftError(
        f"compute.device: '{device}' is not available on this machine "
        f"(CUDA devices: {torch.cuda.device_count()}). Use 'auto' or 'cpu'."
    )


def _resolve_precision(precision: str, device: str) -> str:
    import torch

    if precision not in PRECISIONS:
        raise GraftError(f"compute.precision: '{precision}' is not one of {', '.join(PRECISIONS)}.")
    if precision == "auto":
        has_bf16 = device.startswith("cuda") and torch.cuda.is_bf16_supported()
        return "bf16" if has_bf16 else "fp32"
    if precision == "fp16" and device == "cpu":
        raise GraftError("compute.precision: fp16 does not train on a CPU. Use fp32 or bf16.")
    return precision


def _resolve_threads(threads: int | str) -> int:
    if threads != "auto":
        count = int(threads)
        if count < 1:
            raise GraftError(f"compute.threads: {threads} is not a positive number.")
        return count
    from_environment = os.environ.get("OMP_NUM_THREADS", "")
    if from_environment.isdigit() and int(from_environment) > 0:
        return int(from_environment)
    return available_processors()


def available_processors() -> int:
    """The processors that this process may use: what a scheduler allotted, not what exists."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
