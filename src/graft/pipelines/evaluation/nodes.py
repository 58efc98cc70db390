"""Nodes of `evaluation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.methods import FINETUNED, KNN, LINEAR_PROBE, SCRATCH, SVM
from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.evaluation.predictions import Predictions
    from graft.images.store import ImageStore
    from graft.probes.extraction import Features
    from graft.probes.knn import KNNClassifier
    from graft.probes.linear_probe import LinearProbe
    from graft.probes.svm import SVMClassifier
    from graft.training.checkpoint import Checkpoint

Params = dict[str, Any]


def predict_finetuned(
    best_checkpoint: Checkpoint, image_store: ImageStore, compute: Params
) -> pd.DataFrame:
    """What the fine-tuned network says of the test images."""
    require_same_data(image_store.digest, best_checkpoint=best_checkpoint.metadata)
    return predict_part(FINETUNED, best_checkpoint, image_store, "test", compute)


def predict_scratch(
    scratch_checkpoint: Checkpoint, image_store: ImageStore, compute: Params
) -> pd.DataFrame:
    """What the network trained from scratch says of the test images."""
    require_same_data(image_store.digest, scratch_checkpoint=scratch_checkpoint.metadata)
    return predict_part(SCRATCH, scratch_checkpoint, image_store, "test", compute)


def predict_part(
    method: str, checkpoint: Checkpoint, image_store: ImageStore, part: str, compute: Params
) -> pd.DataFrame:
    """What a network says of the images of one part."""
    from graft.compute import resolve_compute
    from graft.evaluation.inference import predict_with_network
    from graft.training.checkpoint import restore_classifier

    model = restore_classifier(checkpoint)
    return predict_with_network(
        model, image_store, part, resolve_compute(**compute), method
    ).to_frame()


def predict_svm(svm: SVMClassifier, features: Features, image_store: ImageStore) -> pd.DataFrame:
    """What the support vector machine says of the test images."""
    from graft.evaluation.inference import predict_with_svm

    require_same_data(image_store.digest, features=features.metadata, svm=svm.metadata)
    return predict_with_svm(svm, features, "test", SVM).to_frame()


def predict_linear_probe(
    linear_probe: LinearProbe, features: Features, image_store: ImageStore
) -> pd.DataFrame:
    """What the linear probe says of the test images."""
    from graft.evaluation.inference import predict_with_probe

    require_same_data(
        image_store.digest, features=features.metadata, linear_probe=linear_probe.metadata
    )
    return predict_with_probe(linear_probe, features, "test", LINEAR_PROBE).to_frame()


def predict_knn(knn: KNNClassifier, features: Features, image_store: ImageStore) -> pd.DataFrame:
    """What the nearest training images say of the test images."""
    from graft.evaluation.inference import predict_with_probe

    require_same_data(image_store.digest, features=features.metadata, knn=knn.metadata)
    return predict_with_probe(knn, features, "test", KNN).to_frame()


def compare(
    network_predictions: pd.DataFrame,
    svm_predictions: pd.DataFrame,
    linear_probe_predictions: pd.DataFrame,
    knn_predictions: pd.DataFrame,
    scratch_predictions: pd.DataFrame,
    best_checkpoint: Checkpoint,
    scratch_checkpoint: Checkpoint,
    svm: SVMClassifier,
    linear_probe: LinearProbe,
    knn: KNNClassifier,
    model_summary: pd.DataFrame,
    evaluation: Params,
    seed: int,
) -> tuple[Params, pd.DataFrame]:
    """Metrics of all classifiers with intervals, and the table that compares them.

    Where the machine is binary the task is, for the networks too: an image counts as positive
    where the network decides for that class, or for it among others.
    """
    predictions = _on_the_same_task(
        [
            network_predictions,
            svm_predictions,
            linear_probe_predictions,
            knn_predictions,
            scratch_predictions,
        ],
        svm.metadata["recipe"]["positive_class"],
    )
    details = {
        FINETUNED: training_details(best_checkpoint, model_summary),
        SVM: {"train_seconds": svm.metadata["seconds"]},
        LINEAR_PROBE: {"train_seconds": linear_probe.metadata["seconds"]},
        KNN: {"train_seconds": knn.metadata["seconds"]},
        SCRATCH: training_details(scratch_checkpoint, model_summary),
    }
    return measure(predictions, details, evaluation, seed)


def measure(
    predictions: list[Predictions], details: Params, evaluation: Params, seed: int
) -> tuple[Params, pd.DataFrame]:
    """Metrics of classifiers with intervals, and the table of them with what is known beyond."""
    from graft.evaluation.comparison import comparison_table
    from graft.evaluation.metrics import classification_metrics

    options = {
        "resamples": evaluation["bootstrap_resamples"],
        "confidence": evaluation["confidence"],
        "seed": seed,
    }
    metrics = {p.method: classification_metrics(p, **options) for p in predictions}
    return metrics, comparison_table(predictions, details, **options)


def training_details(checkpoint: Checkpoint, model_summary: pd.DataFrame) -> Params:
    """What a table says of a network beyond its predictions; the summary is of that network."""
    metadata, total = checkpoint.metadata, model_summary.set_index("stage").loc["total"]
    return {
        "train_seconds": metadata["train_seconds"],
        "parameters": metadata["parameters"],
        "trainable_parameters": metadata["trainable_parameters"],
        "multiply_accumulates": int(total["multiply_accumulates"]),
        "epochs": metadata["trained_epochs"],
    }


def _on_the_same_task(frames: list[pd.DataFrame], positive_class: str | None) -> list[Predictions]:
    from graft.evaluation.predictions import Predictions

    predictions = [Predictions.from_frame(frame) for frame in frames]
    if positive_class is None:
        return predictions
    return [p.as_binary(positive_class) for p in predictions]


def draw_confusion_matrices(metrics: Params) -> tuple[Figure, ...]:
    """Decisions of each classifier, class by class, in the order of the table.

    Where an image may show several classes nothing is confused with something else: then it is
    what was found, missed and falsely claimed.
    """
    from graft.evaluation.figures import confusion_matrix

    methods = (FINETUNED, SVM, LINEAR_PROBE, KNN, SCRATCH)
    return tuple(confusion_matrix(metrics[method], method) for method in methods)


def draw_comparison(comparison_table: pd.DataFrame) -> Figure:
    """Accuracies (mean average precisions) with their intervals, side by side."""
    from graft.evaluation.figures import comparison

    return comparison(comparison_table)


def draw_costs(comparison_table: pd.DataFrame) -> Figure:
    """The same beside what was trained for it: parameters, their share, seconds."""
    from graft.evaluation.comparison import ACCURACY, MEAN_AVERAGE_PRECISION
    from graft.evaluation.figures import strategy_table

    measure = ACCURACY if ACCURACY in comparison_table else MEAN_AVERAGE_PRECISION
    names = {measure: "value", f"{measure}_low": "low", f"{measure}_high": "high", "method": "name"}
    methods = comparison_table.iloc[:-1]  # the baseline, last, costs nothing and is far away
    rows = methods.rename(columns=names).to_dict("records")
    return strategy_table(rows, measure.replace("_", " "), "What each method is worth, and costs")


def draw_per_class_scores(metrics: Params) -> Figure:
    """Accuracy (average precision) of every class by every classifier."""
    from graft.evaluation.figures import per_class_scores

    return per_class_scores(metrics)


def draw_roc_curves(metrics: Params) -> Figure:
    """ROC curves: of the positive class, or averaged over one-against-rest problems."""
    from graft.evaluation.figures import roc_curves

    return roc_curves(metrics)


def draw_precision_recall_curves(metrics: Params) -> Figure:
    """Precision against recall, of the same questions; of several labels also class by class."""
    from graft.evaluation.figures import precision_recall_curves

    return precision_recall_curves(metrics)


def draw_reliability_diagrams(metrics: Params, calibration: Params) -> Figure:
    """Whether probabilities are what they say; of the network also once it is calibrated.

    Not where the machine is binary: the calibrated probabilities are those of all classes.
    """
    from graft.evaluation.figures import reliability_diagrams

    shown, method = dict(metrics), calibration["method"]
    of_the_same = metrics[method]["reliability"] == calibration["uncalibrated"]["reliability"]
    if calibration["validation_images"] and of_the_same:
        name = f"{method}, temperature {calibration['temperature']:.2f}"
        shown[name] = calibration["calibrated"]
    return reliability_diagrams(shown)


def draw_wrong_predictions(image_store: ImageStore, network_predictions: pd.DataFrame) -> Figure:
    """The fine-tuned network's mistakes, the most confident first."""
    from graft.evaluation.figures import wrong_predictions
    from graft.evaluation.predictions import Predictions

    return wrong_predictions(
        image_store.images[image_store.indices("test")],
        Predictions.from_frame(network_predictions),
    )
