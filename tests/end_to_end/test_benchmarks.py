"""Benchmarks run and print what they say; what they measure is no matter of tests."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from .project_copy import ROOT, TIMEOUT

pytestmark = pytest.mark.slow


def run(benchmark: str, *arguments: str) -> str:
    """What a benchmark prints."""
    process = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / benchmark), *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_data_path_benchmark_compares_all_ways() -> None:
    printed = run("data_path.py", "--images", "128", "--repeats", "2")
    rows = re.findall(r"^(\S.*?)  +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$", printed, re.MULTILINE)
    assert rows == [
        "ImageFolder, PIL, torchvision v1",
        "the same with 2 workers",
        "decoded pixels, torchvision v2 per sample",
        "Graft, memory-mapped",
        "Graft, resident",
        "ready batch",
        "Graft, resident",
    ]


def test_the_frozen_backbone_benchmark_compares_all_ways() -> None:
    """Without augmentation the two ways are one training, so that their accuracies agree."""
    small = ("--size", "16", "--epochs", "2", "--views", "1", "--repeats", "2")
    printed = run("frozen_backbone.py", *small)
    shares = [re.findall(r"[\d.]+%", line) for line in printed.splitlines()[-4:]]
    assert [len(found) for found in shares] == [2, 2, 2, 2]
    usual, reused, *_ = shares
    assert [float(s[:-1]) for s in reused] == pytest.approx([float(s[:-1]) for s in usual], abs=0.6)
