"""Benchmarks run and print what they say; what they measure is no matter of tests."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from .project_copy import ROOT, TIMEOUT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_the_data_path_benchmark_compares_all_ways(kind: str) -> None:
    process = subprocess.run(
        [
            *(sys.executable, str(ROOT / "benchmarks" / "data_path.py")),
            *("--images", "128", "--repeats", "2", "--format", kind),
        ],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    rows = re.findall(r"^(\S.*?)  +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$", process.stdout, re.MULTILINE)
    assert rows == [
        "ImageFolder, PIL, torchvision v1",
        "the same with 2 workers",
        "decoded pixels, torchvision v2 per sample",
        "Graft, memory-mapped",
        "Graft, resident",
        "ready batch",
        "Graft, resident",
    ]
