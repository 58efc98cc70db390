"""Free memory is what the system and the scheduler leave."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from graft.training import memory
from graft.training.memory import free_memory


@pytest.fixture
def control_groups(tmp_path, monkeypatch):
    """A stand-in for the file systems that tell of limits; gives a function that writes them."""
    real_read = Path.read_text

    def read(path, *arguments, **keywords):
        if str(path) == "/proc/self/cgroup":
            return (tmp_path / "cgroup").read_bytes().decode()
        return real_read(path, *arguments, **keywords)

    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(Path, "read_text", read)

    def write(groups: str, **limits: str):
        (tmp_path / "cgroup").write_bytes(groups.encode())
        for name, limit in limits.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(limit)

    return write


def test_no_more_is_free_than_the_machine_has(control_groups):
    control_groups("0::/\n")
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 0 < free_memory("cpu") < total


def test_limits_of_control_groups_count_version_2(control_groups):
    control_groups("0::/slurm/job\n", slurm__memory_dot_max="1000000000", slurm__job__x="")
    unlimited = free_memory("cpu")
    assert unlimited < 1_000_000_000
    control_groups("0::/slurm/job\n", slurm__job__memory_dot_max="max")
    assert abs(free_memory("cpu") - unlimited) < 50_000_000


def test_limits_of_control_groups_count_version_1(control_groups):
    control_groups("4:memory:/job\n0::/\n", memory__job__memory_dot_limit_in_bytes="900000000")
    assert free_memory("cpu") < 900_000_000


def test_a_limit_below_what_is_used_leaves_nothing(control_groups):
    control_groups("0::/\n", memory_dot_max="1000")
    assert free_memory("cpu") == 0


def test_processes_that_train_together_share_it(control_groups, monkeypatch):
    control_groups("0::/job\n", job__memory_dot_max=str(2**60))
    whole = free_memory("cpu")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert free_memory("cpu") == pytest.approx(whole / 4, rel=0.2)


FAULTS = """
import resource, sys
import numpy as np
from graft.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def step():
    return [np.ones(2**20) for _ in range(10)]  # 80 MB
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about glibc's malloc")
def test_what_a_step_frees_is_there_for_the_next():
    def faults(mode):
        done = subprocess.run(
            [sys.executable, "-c", FAULTS, mode], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert faults("kept") < faults("given back") / 10
