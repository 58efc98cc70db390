"""A model that one can use: everything between a file and an answer, in one folder.

    from graft.bundle import load_bundle

    bundle = load_bundle("data/06_models/digits/model_bundle/2026-03-01T09.30.00.000Z")
    answer = bundle.predict(["one.png", "two.jpg"])
    answer.labels, answer.probabilities, answer.errors

A bundle is what becomes of a photograph (`transform`), a network, perhaps a support vector machine
or linear probe on its features, the classes, thresholds, where all that comes from, and a card for
people. It lies on disk as JSON, safetensors, skops and Markdown with a checksum of each, so that
loading one executes nothing (`files`). Images are decoded by the very rules of training.
"""

from graft.bundle.bundle import Bundle, Probe
from graft.bundle.files import load_bundle, save_bundle
from graft.bundle.prediction import BatchPrediction
from graft.bundle.transform import Transform

__all__ = ["BatchPrediction", "Bundle", "Probe", "Transform", "load_bundle", "save_bundle"]
