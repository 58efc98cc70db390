"""What is known is not computed again, and nothing else is taken for it."""

import dataclasses

import numpy as np
import pytest
import torch

from graft.compute import Compute
from graft.models.classifier import build_classifier
from graft.probes import extraction, feature_cache
from graft.probes.extraction import extract_features
from graft.probes.feature_cache import KnownFeatures, cache_key, pixel_digests


class Memory(dict):
    """A cache that forgets nothing."""

    def put(self, key, features):
        self[key] = features


def build(store, seed=0, **chosen):
    statistics = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2), **chosen}
    return build_classifier("resnet20_cifar", store.class_names, None, **statistics, seed=seed)


@pytest.fixture
def computed(monkeypatch):
    """How many images the network had to look at, call by call."""
    counts = []
    inner = extraction._compute

    def counting(model, store, rows, *rest):
        counts.append(len(rows))
        return inner(model, store, rows, *rest)

    monkeypatch.setattr(extraction, "_compute", counting)
    return counts


def extract(store, cpu, cache, model=None, taps=("stage2", "pooled"), **chosen):
    return extract_features(model or build(store), store, taps, cpu, cache=cache, **chosen)


def test_the_second_time_nothing_is_computed(store, cpu, computed, caplog):
    cache = Memory()
    plain = extract(store, cpu, None)
    first = extract(store, cpu, cache)
    with caplog.at_level("INFO"):
        second = extract(store, cpu, cache)
    assert computed == [72, 72]
    assert "72 of 72 images are known" in caplog.text
    np.testing.assert_array_equal(first.matrix, plain.matrix)
    np.testing.assert_array_equal(first.matrix, second.matrix)
    assert second.metadata.pop("seconds") == pytest.approx(first.metadata.pop("seconds"))
    assert second.metadata == first.metadata
    assert list(second.metadata["columns"]) == ["stage2", "pooled"]
    for name in ("ids", "labels", "splits"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_another_choice_of_images_computes_what_is_new(store, cpu, computed):
    """As few-shot studies do; labels and parts are the current ones."""
    cache, whole = Memory(), extract(store, cpu, None)
    few = store.manifest.copy()
    few.loc[np.arange(10, 48), "split"] = "unused"
    extract(dataclasses.replace(store, manifest=few), cpu, cache)
    other = store.manifest.copy()
    other.loc[np.arange(0, 38), "split"] = "unused"
    other["label"] = np.roll(other["label"], 1)
    task = dataclasses.replace(store, manifest=other)
    again = extract(task, cpu, cache)
    assert computed == [72, 34, 10]
    np.testing.assert_allclose(again.matrix, whole.matrix[38:], rtol=1e-4, atol=1e-5)
    assert again.labels.tolist() == task.targets[38:].tolist()
    assert again.splits.tolist() == other["split"].tolist()[38:]


def test_an_image_that_occurs_twice_is_computed_once(store, cpu, computed):
    store.images[5] = store.images[0]
    found = extract(store, cpu, Memory())
    assert computed == [71]
    np.testing.assert_array_equal(found.matrix[5], found.matrix[0])
    np.testing.assert_allclose(found.matrix, extract(store, cpu, None).matrix, rtol=1e-4, atol=1e-5)


def test_a_changed_pixel_is_another_image(store, cpu, computed):
    cache = Memory()
    extract(store, cpu, cache)
    store.images[3, 0, 0, 0] ^= 1
    extract(store, cpu, cache)
    assert computed == [72, 1]


def test_the_same_bytes_in_another_shape_are_another_image(store):
    rows = np.arange(2)
    other = store.images.reshape(-1, 4, 16, 3)
    assert (pixel_digests(store.images, rows) != pixel_digests(other, rows)).any(axis=1).all()


def test_the_order_is_the_stores(store, cpu):
    cache = Memory()
    forward = extract(store, cpu, cache)
    turned = dataclasses.replace(
        store, images=store.images[::-1], manifest=store.manifest[::-1].reset_index(drop=True)
    )
    np.testing.assert_array_equal(extract(turned, cpu, cache).matrix, forward.matrix[::-1])


def key(store, taps=("pooled",), grid=1, compute=None, change=None, **chosen):
    model = build(store, **chosen)
    if change:
        change(model.net.state_dict())
    return cache_key(model, taps, grid, compute or Compute("cpu", "fp32", 1))


def test_the_key_is_a_function_of_what_it_names(store):
    assert key(store) == key(store)
    assert key(store) == key(store, compute=Compute("cpu", "fp32", 4))
    assert len(key(store)) == 64


@pytest.mark.parametrize(
    "chosen",
    [
        {"taps": ("stage2",)},
        {"taps": ("pooled", "stage2")},
        {"grid": 2},
        {"compute": Compute("cpu", "bf16", 1)},
        {"compute": Compute("cuda:0", "fp32", 1)},
        {"input_size": 16},
        {"dataset_mean": (0.5, 0.4, 0.4)},
        {"seed": 1},
        {"change": lambda state: state["conv1.weight"].view(torch.int32)[0, 0, 0, 0].add_(1)},
        {"change": lambda state: state["bn1.running_mean"].add_(1e-3)},
    ],
    ids=lambda chosen: next(iter(chosen)),
)
def test_whatever_decides_on_features_decides_on_the_key(store, chosen):
    assert key(store, **chosen) != key(store)


def test_a_change_of_extraction_changes_the_key(store, monkeypatch):
    before = key(store)
    monkeypatch.setattr(feature_cache, "VERSION", feature_cache.VERSION + 1)
    assert key(store) != before


def test_the_head_counts_only_where_its_outputs_are_read(store):
    """So that runs of several seeds, whose heads differ, share the features below."""

    def other_head(state):
        state["fc.weight"].add_(1)

    assert key(store, change=other_head) == key(store)
    logits = ("logits",)
    assert key(store, logits, change=other_head) != key(store, logits)


def test_what_is_in_use_is_kept_first(store, cpu):
    """A folder that is too small keeps the beginning."""
    cache = Memory()
    extract(store, cpu, cache, splits=("train",))
    extract(store, cpu, cache, splits=("test", "validation"))
    (known,) = cache.values()
    assert isinstance(known, KnownFeatures)
    digests = pixel_digests(store.images, np.r_[48:72, 0:48])
    np.testing.assert_array_equal(known.digests, digests)
