"""Device, precision and threads are what was asked for, or an error that says what to change."""

import pytest
import torch

from graft.compute import resolve_compute
from graft.errors import GraftError


@pytest.fixture(autouse=True)
def _same_number_of_threads_afterwards():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_auto_on_a_cpu_is_full_precision(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    compute = resolve_compute()
    assert (compute.device, compute.precision) == ("cpu", "fp32")


def test_auto_on_cuda_computes_in_bf16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    compute = resolve_compute()
    assert (compute.device, compute.precision) == ("cuda:0", "bf16")


@pytest.mark.parametrize(
    ("device", "precision", "named"),
    [
        ("cuda:7", "auto", "cuda:7"),
        ("gpu", "auto", "gpu"),
        ("cpu", "fp16", "fp16"),
        ("cpu", "f8", "f8"),
    ],
)
def test_what_is_not_there_is_named(device, precision, named):
    with pytest.raises(GraftError, match=named):
        resolve_compute(device, precision)


def test_threads_follow_the_parameter_then_the_environment(monkeypatch):
    assert resolve_compute("cpu", threads=1).threads == 1 == torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert resolve_compute("cpu").threads == 1
    with pytest.raises(GraftError, match="threads"):
        resolve_compute("cpu", threads=0)
