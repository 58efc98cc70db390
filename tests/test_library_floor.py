"""The library floor runs where Kedro, MLflow and the like are not installed."""

import subprocess
import sys

# What a bare GPU machine lacks; importing any of these raises, as if it were not installed.
BARE = """
import sys

class NotInstalled:
    names = {"kedro", "kedro_datasets", "kedro_mlflow", "mlflow", "omegaconf", "pydantic", "rich",
             "skops"}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotInstalled())
"""

WHOLE_WAY = """
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from graft.bundle import Bundle, Transform, load_bundle, save_bundle
from graft.compute import resolve_compute
from graft.evaluation.comparison import comparison_table
from graft.evaluation.figures import comparison
from graft.evaluation.inference import predict_with_network, predict_with_svm
from graft.images.augmentation import policy_from_parameters
from graft.images.card import dataset_card
from graft.images.decode import decode_images
from graft.images.sources import get_source
from graft.images.split import SplitRecipe, assign_splits
from graft.images.store import build_store
from graft.models.classifier import build_classifier
from graft.progress import track
from graft.probes.extraction import extract_features
from graft.probes.svm import SVMRecipe, fit_svm
from graft.report import Picture, Section, render_page
from graft.training.checkpoint import restore_classifier
from graft.training.progress import TrainingProgress
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier

listing = get_source("digits").list_images(None, Path("."))
decoded = decode_images(listing, 16, max_pixels=10**6, track=track)
splits = assign_splits(decoded.records, SplitRecipe(0.1, 0.5, shots=10), seed=0)
store = build_store(decoded, splits)
card = dataset_card(store)
compute = resolve_compute("cpu", threads=1)
model = build_classifier(
    "resnet20_cifar", store.class_names, None,
    dataset_mean=card["channel_mean"], dataset_std=card["channel_std"],
)
policy = policy_from_parameters({"policy": "gentle", "mixup": 0.2, "cutmix": 0.0})
trained = train_classifier(
    model, store, TrainingRecipe(epochs=1), policy, compute, seed=0,
    observers=[TrainingProgress("digits")],
)
features = extract_features(model, store, ["pooled"], compute)
train = features.of("train")
svm = fit_svm(
    train.matrix, train.labels, train.class_names,
    SVMRecipe(kernel="rbf", C=10.0, gamma="scale", positive_class=None, class_weight=None), seed=0,
)
table = comparison_table(
    [
        predict_with_network(restore_classifier(trained.best), store, "test", compute, "network"),
        predict_with_svm(svm, features, "test", "SVM"),
    ],
    {}, resamples=200, confidence=0.95, seed=0,
)
bundle = Bundle("digits", "network", Transform(16, 10**6), trained.best, store.class_names)
with TemporaryDirectory() as folder:
    save_bundle(Path(folder, "bundle"), bundle)
    assert load_bundle(Path(folder, "bundle"), compute).predict(store.images[:3]).labels
assert list(table["method"]) == ["network", "SVM", "majority class"]
assert table.loc[1, "accuracy"] > 0.3
figure = io.BytesIO()
comparison(table).savefig(figure, format="png", dpi=50)
assert "</html>" in render_page("Any", "", [Section("Any", [Picture(figure.getvalue(), "Any")])])
"""


def test_images_to_comparison_without_kedro_mlflow_pydantic_rich_and_skops():
    done = subprocess.run([sys.executable, "-c", BARE + WHOLE_WAY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
