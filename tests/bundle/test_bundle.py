"""A bundle says of the original files what the pipelines say of the image store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft.bundle import Bundle, Probe, Transform, load_bundle, save_bundle
from graft.errors import GraftError
from graft.evaluation.calibration import with_temperature
from graft.evaluation.inference import predict_with_network, predict_with_svm
from graft.images.decode import decode_images
from graft.images.sources import get_source
from graft.images.store import ImageStore, build_store
from graft.probes.extraction import extract_features
from graft.probes.svm import SVMRecipe, fit_svm

from ..images.image_files import encode, make_pixels
from .making import CLASSES, CPU, linear_probe_bundle, network_bundle, pictures, svm_bundle

MAKERS: dict[str, Callable[[], Bundle]] = {
    "network": network_bundle,
    "network of several labels": lambda: network_bundle(thresholds=(0.5, 0.2, 0.9)),
    "calibrated network": lambda: network_bundle(temperature=2.5),
    "linear machine": svm_bundle,
    "rbf machine": lambda: svm_bundle("rbf"),
    "machines of several labels": lambda: several_machines(),
    "linear probe": linear_probe_bundle,
    "linear probe of several labels": lambda: linear_probe_bundle(several=True),
}


def several_machines() -> Bundle:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 64)).astype(np.float32)
    labels = (rng.random((30, 3)) < 0.5).astype(np.int8)
    svm = fit_svm(features, labels, CLASSES, SVMRecipe(kernel="rbf"), seed=0)
    return network_bundle(probe=Probe(svm, ("pooled",), 1), thresholds=(0.0,) * 3)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_loaded_bundle_answers_as_the_saved_one(
    make: Callable[[], Bundle], tmp_path: Path
) -> None:
    saved = make()
    save_bundle(tmp_path / "bundle", saved)
    loaded = load_bundle(tmp_path / "bundle", CPU)
    ours, theirs = saved.predict(list(pictures(5))), loaded.predict(list(pictures(5)))
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    assert ours.labels == theirs.labels
    assert loaded.card == saved.card
    assert loaded.provenance == saved.provenance
    assert loaded.transform == saved.transform
    assert loaded.network.metadata == saved.network.metadata


def varied_files(folder: Path) -> Path:
    """Class folders of files that only a full decoder reads right."""
    grey = make_pixels(7).mean(axis=2)
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        pixels = make_pixels(number, height=30, width=21)
        turned = Image.Exif()
        turned[0x0112] = 6  # orientation: a quarter turn
        files = {
            "plain.png": encode(pixels),
            "turned.jpg": encode(pixels, "JPEG", exif=turned),
            "deep.png": encode(Image.fromarray((grey * 257).astype(np.uint16))),
            "clear.png": encode(Image.fromarray(pixels).convert("RGBA").resize((9, 9))),
            "exact.bmp": encode(make_pixels(number, 16, 16), "BMP"),
        }
        for file, content in files.items():
            (folder / name / file).write_bytes(content)
    return folder


@pytest.fixture
def files_and_store(tmp_path: Path) -> tuple[list[Path], ImageStore]:
    """Files, and the image store that `ingest` makes of them, all of it test images."""
    folder = varied_files(tmp_path / "pets")
    decoded = decode_images(get_source("folder").list_images(folder, tmp_path), 16, max_pixels=1000)
    store = build_store(decoded, decoded.records["id"].map(lambda _: "test"))
    return [folder / name for name in store.manifest["id"]], store


def test_a_network_says_of_files_what_evaluation_says_of_the_store(
    files_and_store: tuple[list[Path], ImageStore],
) -> None:
    files, store = files_and_store
    bundle = network_bundle(transform=Transform(16, 1000), temperature=1.7)
    evaluated = predict_with_network(bundle.classifier, store, "test", CPU, "evaluated")
    answer = bundle.predict(files)
    assert len(files) == 15
    assert answer.errors == ("",) * 15
    expected = with_temperature(evaluated, 1.7)
    np.testing.assert_allclose(answer.probabilities, expected.scores, atol=1e-6)
    assert answer.labels == [CLASSES[k] for k in evaluated.predicted]


@pytest.mark.parametrize("taps", [("stage1", "pooled"), ("logits",)])
def test_a_machine_says_of_files_what_evaluation_says_of_features(
    files_and_store: tuple[list[Path], ImageStore], taps: tuple[str, ...]
) -> None:
    files, store = files_and_store
    network = network_bundle()
    features = extract_features(network.classifier, store, taps, CPU, grid=2)
    svm = fit_svm(features.matrix, features.labels, CLASSES, SVMRecipe(kernel="rbf"), seed=0)
    bundle = network_bundle(transform=Transform(16, 1000), probe=Probe(svm, taps, 2))
    evaluated = predict_with_svm(svm, features, "test", "evaluated")
    answer = bundle.predict(files)
    np.testing.assert_allclose(answer.scores, evaluated.scores, atol=1e-4)
    assert answer.labels == [CLASSES[k] for k in evaluated.predicted]


def test_what_is_wrong_with_an_image_is_told_and_stops_no_other(tmp_path: Path) -> None:
    good, other = pictures(2)
    (tmp_path / "good.png").write_bytes(encode(good))
    bundle = network_bundle()
    answer = bundle.predict(
        [
            tmp_path / "good.png",
            b"no image",
            str(tmp_path / "missing.png"),
            encode(good)[:200],
            np.zeros((300, 300), dtype=np.uint8),
            np.zeros((8, 8, 3), dtype=np.float32),
            other,
        ]
    )
    assert answer.ids[0] == str(tmp_path / "good.png")
    assert [bool(error) for error in answer.errors] == [False, *[True] * 5, False]
    assert answer.errors[1] == "not an image, or damaged in its head"
    assert "missing.png" in answer.errors[2]
    assert "more than images.max_pixels" in answer.errors[4]
    assert np.isnan(answer.scores[1:6]).all()
    assert answer.labels[1:6] == [""] * 5
    np.testing.assert_allclose(
        answer.scores[[0, 6]], bundle.predict([good, other]).scores, rtol=1e-5
    )


@pytest.mark.parametrize("given", ["path", "bytes", "pixels"])
def test_a_single_image_needs_no_list(tmp_path: Path, given: str) -> None:
    (pixels,) = pictures(1)
    path = tmp_path / "one.png"
    path.write_bytes(encode(pixels))
    image: Any = {"path": path, "bytes": path.read_bytes(), "pixels": pixels}[given]
    answer = network_bundle().predict(image)
    assert len(answer) == 1
    assert answer.errors == ("",)


def test_an_array_of_images_is_a_list_of_them() -> None:
    assert len(network_bundle().predict(pictures(4))) == 4
    assert len(network_bundle().predict([])) == 0


def test_of_several_labels_each_has_its_threshold() -> None:
    one = network_bundle()
    several = network_bundle(network=one.network, thresholds=(0.0, 0.5, 1.0))
    answer = several.predict(list(pictures(6)))
    assert not np.allclose(answer.probabilities.sum(axis=1), 1)
    for label, row in zip(answer.labels, answer.probabilities, strict=True):
        assert label == ("cat|dog" if row[1] > 0.5 else "cat")


def test_a_machine_has_no_probabilities() -> None:
    answer = svm_bundle().predict(pictures(1))
    with pytest.raises(GraftError, match="decision values"):
        _ = answer.probabilities
    assert list(answer.to_frame()) == ["id", "label", *(f"score_{c}" for c in CLASSES), "error"]


def test_a_linear_probe_has_probabilities() -> None:
    answer = linear_probe_bundle().predict(pictures(3))
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, rtol=1e-5)


def test_a_frame_has_a_row_for_each_image_bad_ones_too() -> None:
    frame = network_bundle().predict([*pictures(2), b""]).to_frame()
    assert list(frame["id"]) == ["0", "1", "2"]
    assert list(frame["error"]) == ["", "", "empty file"]
    assert frame["probability_cat"].isna().tolist() == [False, False, True]
    scores = frame[[f"probability_{c}" for c in CLASSES]].sum(axis=1)[:2]
    np.testing.assert_allclose(scores, 1, rtol=1e-5)


def test_other_rules_of_decoding_are_told(caplog: pytest.LogCaptureFixture) -> None:
    network_bundle(transform=Transform(16, 1000, rule=0)).predict(pictures(1))
    assert "by other rules" in caplog.text
