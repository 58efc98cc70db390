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


def test_the_precision_benchmark_compares_in_pairs() -> None:
    small = ("--networks", "resnet20_cifar:16", "--repeats", "2", "--seeds", "1", "--epochs", "1")
    printed = run("precision.py", *small)
    assert re.findall(r"^ *resnet20_cifar at 16  .*(training step|answer) .*fp32$", printed, re.M)
    rows = re.findall(r"^resnet20_cifar at 16 +(\w+) +0 +(\S+)% +(\S+)% +(\S+)%$", printed, re.M)
    assert [statistics for statistics, *_ in rows] == ["running", "precise"]
    for _, fp32, bf16, difference in rows:
        assert float(bf16) - float(fp32) == pytest.approx(float(difference), abs=0.011)


def test_the_training_benchmark_has_every_framework_train_the_same() -> None:
    """A batch of all images leaves no order to differ in: then all end with the same weights."""
    one_batch = ("--images", "100", "--batch-size", "100", "--epochs", "20", "--size", "16")
    printed = run("training_speed.py", "frozen", *one_batch, "--repeats", "2")
    ways = ["plain script", "Hugging Face Trainer", "Lightning", "fastai", "Graft"]
    missing = re.findall(r"^(.*), fp32 is not installed", printed, re.MULTILINE)
    rows = re.findall(r"^(\w[^,\n]*), fp32  .*%  (\S+% \S+%)$", printed, re.MULTILINE)
    assert sorted([*missing, *(way for way, _ in rows)]) == sorted(ways)
    accuracies = [[float(share[:-1]) for share in shares.split()] for _, shares in rows]
    assert accuracies == [pytest.approx(accuracies[0], abs=0.5)] * len(rows)


def test_time_to_accuracy_is_that_of_the_shortest_training_that_is_good_enough() -> None:
    network = ("--backbone", "resnet20_cifar", "--size", "8", "--device", "cpu")
    lengths = ("--epochs", "2", "1", "--seeds", "1", "--batch-size", "256")
    printed = run("time_to_accuracy.py", *network, *lengths, "--target", "0.0")
    assert re.fullmatch(r"1 epochs: [\d.]+ s, accuracy [\d.]+% \([\d.]+%\)\n", printed)


def test_the_svm_benchmark_compares_all_ways() -> None:
    printed = run("svm_at_scale.py", "--images", "300", "--features", "32", "--repeats", "1")
    rows = re.findall(
        r"^(\S.*?)  +[\d.]+ +[\d.]+ +[\d.]+ +([\d.]+) +([\d.]+)$", printed, re.MULTILINE
    )
    assert [name for name, _, _ in rows] == [
        "linear, Graft",
        "linear, scikit-learn",
        "rbf, Graft, landmarks",
        "rbf, Graft, exact",
        "rbf, scikit-learn",
    ]
    agreement = {name: float(share) for name, _, share in rows}
    assert agreement["linear, Graft"] > 0.99
    assert agreement["rbf, Graft, exact"] > 0.99
