"""Features are the network's own activations, in the store's order, for the chosen images."""

import numpy as np
import pytest
import torch

from graft.errors import GraftError
from graft.models.classifier import build_classifier
from graft.probes.extraction import extract_features


@pytest.fixture
def model(store):
    return build_classifier(
        "resnet20_cifar",
        store.class_names,
        None,
        dataset_mean=(0.4, 0.4, 0.4),
        dataset_std=(0.2, 0.2, 0.2),
    )


def test_batches_change_nothing(model, store, cpu):
    together = extract_features(model, store, ["stage2", "pooled"], cpu, batch_size=1000)
    apart = extract_features(model, store, ["stage2", "pooled"], cpu, batch_size=7)
    np.testing.assert_allclose(together.matrix, apart.matrix, rtol=1e-4, atol=1e-5)
    assert together.matrix.dtype == np.float32
    assert together.metadata["columns"] == {"stage2": 32, "pooled": 64}


def test_rows_belong_to_their_images(model, store, cpu):
    features = extract_features(model, store, ["logits"], cpu)
    assert features.ids.tolist() == store.manifest["id"].tolist()
    assert features.labels.tolist() == store.targets.tolist()
    image = torch.from_numpy(store.images[50]).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        expected = model.eval()(image)[0].numpy()
    np.testing.assert_allclose(features.matrix[50], expected, rtol=1e-4, atol=1e-5)


def test_parts_can_be_chosen(model, store, cpu):
    features = extract_features(model, store, ["pooled"], cpu)
    train = features.of("train")
    assert len(train.matrix) == len(train.ids) == 48
    assert set(train.splits) == {"train"}
    assert len(features.of("validation", "test").labels) == 24
    only = extract_features(model, store, ["pooled"], cpu, splits=("test",))
    np.testing.assert_allclose(only.matrix, features.of("test").matrix, rtol=1e-4, atol=1e-5)


def test_unused_images_are_left_out(model, store, cpu):
    store.manifest.loc[:9, "split"] = "unused"
    assert len(extract_features(model, store, ["pooled"], cpu).ids) == 62


@pytest.mark.parametrize("taps", [["layer4"], []])
def test_unknown_taps_list_the_known_ones(model, store, cpu, taps):
    with pytest.raises(GraftError, match="pooled, logits, stem, stage1"):
        extract_features(model, store, taps, cpu)


def test_pooling_averages_over_positions(model, store, cpu):
    """The tap of a stage is the mean over its feature map, not a corner of it."""
    maps = {}
    handle = model.net.stage3.register_forward_hook(lambda _m, _i, out: maps.update(out=out))
    features = extract_features(model, store, ["stage3"], cpu, splits=("test",))
    handle.remove()
    np.testing.assert_allclose(
        features.matrix, maps["out"].mean((2, 3)).numpy(), rtol=1e-4, atol=1e-5
    )


def test_a_grid_keeps_where_something_lies(model, store, cpu):
    """Mirrored images have mirrored cells, which one average over the picture cannot tell."""
    cells = extract_features(model, store, ["stage2"], cpu, grid=2)
    assert cells.matrix.shape == (72, 4 * 32)
    whole = extract_features(model, store, ["stage2"], cpu)
    means = cells.matrix.reshape(72, 32, 4).mean(-1)
    np.testing.assert_allclose(means, whole.matrix, rtol=1e-4, atol=1e-5)
    assert np.ptp(cells.matrix.reshape(72, 32, 4), axis=-1).max() > 0.01


def test_the_grid_leaves_the_heads_input_alone(model, store, cpu):
    features = extract_features(model, store, ["pooled", "logits"], cpu, grid=3)
    assert features.metadata["columns"] == {"pooled": 64, "logits": 3}
