"""How much memory is free, on the device that computes, and how freed memory is used again."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def free_memory(device: str) -> int:
    """Bytes that a tensor on this device could take.

    On the CPU that is what the system calls available, or what a scheduler's limit (a control
    group's) leaves to this process; of several processes that train together each has its share.
    Where the system does not say (macOS), half of the memory counts as free.

    Args:
        device: "cpu", "cuda:0" or "mps".
    """
    import torch

    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(device)[0]
    if device == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    free = min([_available_to_system(), *_allowed_by_control_groups()])
    return free // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # as torch's launcher says


def keep_freed_memory() -> None:
    """Let the C library keep what a step frees for the next one, up to 1 GiB.

    Left alone, glibc gives it back to the system, which clears every page anew when the next step
    asks for it: of a small network up to 5 % of its time. Other libraries do as they are used to.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_TRIM_THRESHOLD, 2**30)
            mallopt(_MMAP_THRESHOLD, 2**25)  # blocks below 32 MiB, the most that it takes


def _available_to_system() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return int(kilobytes) * 1024
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _allowed_by_control_groups() -> Iterator[int]:
    """What each limit on this process, of cgroups version 1 or 2, leaves to it."""
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        resident = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return
    used = resident * os.sysconf("SC_PAGE_SIZE")
    for line in groups:
        _, controllers, path = line.split(":", maxsplit=2)
        if controllers in ("", "memory"):
            root = _CGROUPS / controllers
            name = "memory.limit_in_bytes" if controllers else "memory.max"
            below = [part for part in path.split("/") if part != ".."]
            for depth in range(len(below) + 1):
                limit = _read_number(root.joinpath(*below[:depth], name))
                if limit is not None:
                    yield max(0, limit - used)


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return None
