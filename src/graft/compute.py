"""Where and how a model computes: device, precision, threads, order in memory, compiled or not.

`auto` picks CUDA, then Apple's MPS, then the CPU. Half precision is a default only where it has
been shown to cost nothing and to be faster; everything else has to be asked for.
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
# Where bf16 begins to pay on a CPU that computes in it: `benchmarks/precision.py`.
_ENOUGH_WORK = 20e6  # multiply-accumulates an image
_ENOUGH_REUSE = 10  # multiply-accumulates a weight, which has to be rounded in each step
# Where fp32 on a CPU is faster in the ordinary order in memory: `benchmarks/memory_format.py`.
_MANY_FILTERS = 30  # weights of filters for each value of the maps that they give


@dataclass(frozen=True)
class Workload:
    """What a network has to do for an image, as far as precision and order in memory ask.

    Attributes:
        multiply_accumulates: Of a forward pass.
        parameters: Weights.
        is_plain: Whether it multiplies in ordinary convolutions and linear layers only. Gradients
            of depthwise convolutions are slow in bf16 on CPUs, and of attention no paired seeds
            have shown what bf16 costs.
        filters: Weights of its convolutions.
        maps: Values that these give.
    """

    multiply_accumulates: int
    parameters: int
    is_plain: bool
    filters: int = 0
    maps: int = 0


@dataclass(frozen=True)
class Compute:
    """A resolved choice of device and precision.

    Attributes:
        device: "cpu", "cuda:0" or "mps".
        precision: "fp32", "bf16" or "fp16"; weights stay float32, operations are autocast.
        threads: Intra-operation threads on the CPU.
        compiled: Whether networks are trained and asked through `torch.compile`.
        memory_format: "channels_last" or "contiguous", torch's names for what lies side by side in
            memory: a pixel's channels, or a channel's pixels.
    """

    device: str
    precision: str
    threads: int
    compiled: bool = False
    memory_format: str = "channels_last"

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

    def images_at_once(self, pixels: int) -> int:
        """How many images of this side length a network that only answers is best given.

        On a CPU the feature maps of 256 photographs leave the caches: MobileNetV2 at 96 pixels
        takes 1.3 to 1.7 times as long as with 64. Of small images a network reads its weights more
        often than anything else: ResNet-18 at 32 pixels takes 1.25 times as long with 64.
        """
        return 64 if self.device == "cpu" and pixels > 64 else 256

    def place(self, model: nn.Module) -> None:
        """Move a network here, its filters in the order in memory that was chosen."""
        import torch

        last = self.memory_format == "channels_last"
        model.to(self.device)
        model.to(memory_format=torch.channels_last if last else torch.contiguous_format)


def resolve_compute(
    device: str = "auto",
    precision: str = "auto",
    threads: int | str = "auto",
    compile: bool | str = "auto",
    memory_format: str = "auto",
    *,
    workload: Workload | None = None,
) -> Compute:
    """Choose how to compute, set it, and say in the log what was chosen, and why.

    Args:
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto", "fp32", "bf16" or "fp16" (CUDA and MPS only). "auto" is bf16 on a CUDA
            device that computes in it, and on such a CPU for a `workload` that gains by it; else
            fp32.
        threads: "auto" (the processors that this process may use, or OMP_NUM_THREADS where the
            user has set it) or a number.
        compile: True, False or "auto", which is False.
        memory_format: "auto", "channels_last" or "contiguous". "auto" is contiguous on MPS, and on
            a CPU in fp32 for a `workload` that gains by it; else channels last.
        workload: Of the network, where that decides.

    Raises:
        GraftError: The device is not there, or it does not compute in the precision.
    """
    import torch

    name = _resolve_device(device)
    chosen_precision, why = _resolve_precision(precision, name, workload)
    count = resolve_threads(threads)
    torch.set_num_threads(count)
    if name == "cpu":
        # Adam's averages decay into subnormal numbers, with which processors are slow: training a
        # small network took 715 instead of 433 µs an image after some hundred steps.
        torch.set_flush_denormal(True)
    if name.startswith("cuda"):
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    order, why_so = _resolve_memory_format(memory_format, name, chosen_precision, workload)
    logger.info(
        "Computing on %s in %s (%s) with %d CPU threads, %s in memory (%s); torch.compile is %s.",
        name,
        chosen_precision,
        why,
        count,
        order.replace("_", " "),
        why_so,
        _explain_compilation(compile, name),
    )
    return Compute(name, chosen_precision, count, compile is True, order)


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


def _resolve_precision(precision: str, device: str, workload: Workload | None) -> tuple[str, str]:
    """The precision, and why it is that one."""
    import torch

    if precision not in PRECISIONS:
        raise GraftError(f"compute.precision: '{precision}' is not one of {', '.join(PRECISIONS)}.")
    if precision == "fp16" and device == "cpu":
        raise GraftError("compute.precision: fp16 does not train on a CPU. Use fp32 or bf16.")
    if precision != "auto":
        return precision, "compute.precision"
    if device.startswith("cuda"):
        if torch.cuda.is_bf16_supported():
            return "bf16", "the device computes in it"
        return "fp32", "the device does not compute in bf16"
    if device != "cpu":
        return "fp32", "bf16 has not been measured on such a device"
    return _precision_on_cpu(workload)


def _precision_on_cpu(workload: Workload | None) -> tuple[str, str]:
    if workload is None:
        return "fp32", "on a CPU bf16 is a default for training and features only"
    if not cpu_computes_in_bf16():
        return "fp32", "the processor does not compute in bf16"
    if not workload.is_plain:
        return "fp32", "on a CPU bf16 is a default for plain convolutional networks only"
    if workload.multiply_accumulates < _ENOUGH_WORK:
        return "fp32", (
            f"with {workload.multiply_accumulates / 1e6:.1f} million multiply-accumulates an image "
            "the network is too small to gain by bf16"
        )
    if workload.multiply_accumulates < _ENOUGH_REUSE * workload.parameters:
        return "fp32", (
            "images are too small for bf16 to pay: the network uses a weight "
            f"{workload.multiply_accumulates / workload.parameters:.0f} times an image"
        )
    return "bf16", "the processor computes in it, and the network is large enough to gain"


def _resolve_memory_format(
    memory_format: str, device: str, precision: str, workload: Workload | None
) -> tuple[str, str]:
    """The order in memory, and why it is that one.

    In fp32 on a CPU, channels last is what oneDNN multiplies as it lies, row by row of a map; maps
    in the ordinary order it first brings into blocks. Its kernels for blocks are faster, several
    times so for many channels on maps of 2 or 4 pixels. That outweighs the bringing where filters
    are large and maps are small.
    """
    if memory_format != "auto":
        return memory_format, "compute.memory_format"
    if device == "mps":
        return "contiguous", "as such devices have it"
    if device != "cpu" or precision != "fp32":
        return "channels_last", "in which convolutions are fastest there"
    if workload is not None and workload.filters > _MANY_FILTERS * workload.maps > 0:
        return "contiguous", "convolutions with large filters on small maps are faster so in fp32"
    return "channels_last", "in which convolutions are fastest but for large filters on small maps"


def cpu_computes_in_bf16() -> bool:
    """Whether the processor multiplies in bf16 itself: AMX or AVX-512 BF16, not by emulation."""
    import torch

    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("amx_bf16") or abilities.get("avx512_bf16"))


def _explain_compilation(compile: bool | str, device: str) -> str:
    if compile is True:
        return "on (compute.compile)"
    if compile is False:
        return "off (compute.compile)"
    if device == "cpu":
        return "off (on CPUs it took minutes and gained nothing)"
    return "off (not measured on such a device; compute.compile: true tries)"


def resolve_threads(threads: int | str) -> int:
    """How many CPU threads "auto" or a number of them means here.

    Raises:
        GraftError: It is no positive number.
    """
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
