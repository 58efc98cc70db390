"""Device, precision and threads are what was asked for, or an error that says what to change."""

import pytest
import torch

from graft.compute import Compute, Workload, resolve_compute
from graft.errors import GraftError
from graft.models.classifier import build_classifier


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


RESNET18_AT_64 = Workload(148_000_000, 11_200_000, is_plain=True)


@pytest.mark.parametrize(
    ("workload", "abilities", "precision", "why"),
    [
        (RESNET18_AT_64, {"amx_bf16": True}, "bf16", "the processor computes in it"),
        (RESNET18_AT_64, {"avx512_bf16": True}, "bf16", "the processor computes in it"),
        (RESNET18_AT_64, {"avx2": True}, "fp32", "does not compute in bf16"),
        (
            Workload(37_000_000, 11_200_000, True),
            {"amx_bf16": True},
            "fp32",
            "images are too",
        ),
        (Workload(3_700_000, 20_000, True), {"amx_bf16": True}, "fp32", "the network is too small"),
        (Workload(300_000_000, 2_000_000, False), {"amx_bf16": True}, "fp32", "plain"),
        (None, {"amx_bf16": True}, "fp32", "training and features only"),
    ],
)
def test_auto_on_a_cpu_weighs_the_network(monkeypatch, caplog, workload, abilities, precision, why):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities)
    with caplog.at_level("INFO"):
        assert resolve_compute("cpu", workload=workload).precision == precision
    assert why in caplog.text


def test_a_precision_that_is_asked_for_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert resolve_compute("cpu", "bf16").precision == "bf16"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert resolve_compute("cpu", "fp32", workload=RESNET18_AT_64).precision == "fp32"


LARGE_FILTERS = Workload(148_000_000, 11_200_000, True, filters=11_200_000, maps=200_000)
SMALL_FILTERS = Workload(41_000_000, 270_000, True, filters=270_000, maps=190_000)


@pytest.mark.parametrize(
    ("asked", "precision", "workload", "order"),
    [
        ("auto", "fp32", LARGE_FILTERS, "contiguous"),
        ("auto", "fp32", SMALL_FILTERS, "channels_last"),
        ("auto", "fp32", None, "channels_last"),
        ("auto", "bf16", LARGE_FILTERS, "channels_last"),
        ("channels_last", "fp32", LARGE_FILTERS, "channels_last"),
        ("contiguous", "fp32", SMALL_FILTERS, "contiguous"),
    ],
)
def test_the_order_in_memory_follows_filters_and_maps(asked, precision, workload, order, caplog):
    with caplog.at_level("INFO"):
        compute = resolve_compute("cpu", precision, memory_format=asked, workload=workload)
    assert compute.memory_format == order
    assert f"{order.replace('_', ' ')} in memory" in caplog.text


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
def test_networks_compute_in_the_order_that_was_chosen(order):
    """Whatever order images come in, every convolution reads and gives it."""
    model = build_classifier(
        "resnet20_cifar", "abc", None, dataset_mean=(0.5,) * 3, dataset_std=(0.2,) * 3
    )
    Compute("cpu", "fp32", 1, memory_format=order).place(model)
    expected = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}[order]
    seen = []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _, inputs, given: seen.extend([*inputs, given]))
    images = torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8)
    with torch.no_grad():
        first = model(images)
        second = model(images.to(memory_format=torch.channels_last))
    assert len(seen) > 40
    assert all(tensor.is_contiguous(memory_format=expected) for tensor in seen)
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize(
    ("asked", "compiled", "why"),
    [("auto", False, "gained nothing"), (False, False, "off"), (True, True, "on")],
)
def test_the_compiler_is_used_where_it_is_asked_for(caplog, asked, compiled, why):
    with caplog.at_level("INFO"):
        assert resolve_compute("cpu", compile=asked).compiled is compiled
    assert why in caplog.text


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
