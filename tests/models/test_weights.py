"""Weights from files fit, or the error says why; nothing in them is executed."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from graft.errors import GraftError
from graft.models.backbones import get_backbone
from graft.models.classifier import build_classifier, build_pretrained
from graft.models.weights import are_to_be_downloaded, load_weights

STATISTICS = {"dataset_mean": (0.5, 0.5, 0.5), "dataset_std": (0.2, 0.2, 0.2)}


@pytest.fixture
def state():
    torch.manual_seed(1)
    return get_backbone("resnet20_cifar").build(7).state_dict()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_local_file_gives_its_weights_and_a_fresh_head(tmp_path, state, suffix):
    path = tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    weights = load_weights("resnet20_cifar", str(path))
    model = build_classifier("resnet20_cifar", ["a", "b"], weights, **STATISTICS)
    loaded = model.net.state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in state.items() if not k.startswith("fc."))
    assert loaded["fc.weight"].shape == (2, 64)


def test_half_precision_is_read_as_full(tmp_path, state):
    save_file(
        {k: v.half() if v.is_floating_point() else v for k, v in state.items()},
        tmp_path / "h.safetensors",
    )
    weights = load_weights("resnet20_cifar", str(tmp_path / "h.safetensors"))
    assert weights.state["conv1.weight"].dtype == torch.float32


def test_missing_and_unexpected_keys_are_listed(tmp_path, state):
    del state["conv1.weight"]
    state["surprise"] = torch.zeros(1)
    state["bn1.weight"] = torch.zeros(3)
    save_file(state, tmp_path / "w.safetensors")
    weights = load_weights("resnet20_cifar", str(tmp_path / "w.safetensors"))
    with pytest.raises(GraftError) as error:
        build_classifier("resnet20_cifar", ["a", "b"], weights, **STATISTICS)
    message = str(error.value)
    assert "w.safetensors" in message
    assert "missing (1): conv1.weight" in message
    assert "unexpected (1): surprise" in message
    assert "bn1.weight (3,) for (16,)" in message


def test_weights_of_another_network_are_refused(tmp_path, state):
    save_file(state, tmp_path / "w.safetensors")
    weights = load_weights("resnet18", str(tmp_path / "w.safetensors"))
    with pytest.raises(GraftError, match=r"does not fit resnet18"):
        build_classifier("resnet18", ["a", "b"], weights, **STATISTICS)


class _Malicious:
    def __reduce__(self):
        return (open, ("executed", "w"))


def test_a_pickle_with_code_is_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"conv1.weight": _Malicious()}))
    with pytest.raises(GraftError, match=r"w\.pth"):
        load_weights("resnet20_cifar", "w.pth")
    torch.save({"conv1.weight": _Malicious()}, "x.pth")
    with pytest.raises(GraftError, match=r"x\.pth"):
        load_weights("resnet20_cifar", "x.pth")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("backbone", "weights", "named"),
    [
        ("resnet20_cifar", "absent.safetensors", "absent.safetensors"),
        ("resnet50", "shipped", "resnet20_cifar"),
        ("resnet20_cifar", "IMAGENET1K_V1", "shipped"),
        ("resnet50", "IMAGENET1K_V9", "IMAGENET1K_V2"),
    ],
)
def test_weights_that_are_not_there_are_named_with_a_remedy(backbone, weights, named):
    with pytest.raises(GraftError, match=named):
        load_weights(backbone, weights)


def test_an_interrupted_download_says_where_to_put_the_file(monkeypatch, tmp_path):
    import urllib.error

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    with pytest.raises(GraftError, match=r"resnet18-.*\.pth"):
        load_weights("resnet18", "IMAGENET1K_V1")


def test_torchvisions_own_files_load_by_name_from_its_cache(monkeypatch, tmp_path):
    """The whole path of `IMAGENET1K_V1` but the download: the file lies where torch keeps it."""
    from torchvision.models import ResNet18_Weights

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    published = get_backbone("resnet18").build(1000).state_dict()
    name = ResNet18_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[-1]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    assert are_to_be_downloaded("resnet18", "IMAGENET1K_V1")
    torch.save(published, tmp_path / "hub" / "checkpoints" / name)
    assert not are_to_be_downloaded("resnet18", "IMAGENET1K_V1")
    weights = load_weights("resnet18", "IMAGENET1K_V1")
    assert weights.mean == (0.485, 0.456, 0.406)
    model = build_pretrained("resnet18", weights)
    assert len(model.class_names) == 1000
    assert torch.equal(model.net.conv1.weight, published["conv1.weight"])


def test_the_shipped_weights_know_cifar10():
    weights = load_weights("resnet20_cifar", "shipped")
    assert weights.head_outputs(get_backbone("resnet20_cifar")) == 10
    assert weights.metadata["class_names"][0] == "airplane"
    assert weights.mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=1e-3)


def test_pretrained_weights_bring_their_normalisation():
    shipped = load_weights("resnet20_cifar", "shipped")
    transferred = build_classifier("resnet20_cifar", ["a", "b"], shipped, **STATISTICS)
    scratch = build_classifier("resnet20_cifar", ["a", "b"], None, **STATISTICS)
    assert transferred.mean.flatten().tolist() == pytest.approx(shipped.mean)
    assert scratch.mean.flatten().tolist() == pytest.approx([0.5] * 3)
