"""The metrics of one classifier on the test images, with intervals, ready to be written as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.evaluation import multi_label, single_label
from graft.evaluation.intervals import json_number
from graft.evaluation.probability_scores import probability_metrics

if TYPE_CHECKING:
    from graft.evaluation.intervals import Interval
    from graft.evaluation.predictions import Predictions


def classification_metrics(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Everything a report says about one classifier.

    Values equal scikit-learn's; `intervals` says what the intervals are.

    Args:
        predictions: N images, K classes.
        resamples: How many sets of N images the bootstrap draws.
        confidence: Coverage of the intervals, for example 0.95.
        seed: Of the bootstrap.

    Returns:
        A dictionary of JSON values, None for what is undefined. Of either task:

        * method, test_images, multi_label, class_names, predict_seconds, confidence, resamples;
        * the scores of `overall_scores`, each {"value", "low", "high"};
        * probabilistic, whether the scores are probabilities. Where they are: log_loss (mean
          negative logarithm of the probability of the truth), brier (mean squared error of the
          probabilities, summed over classes; of two single labels and of each of several labels
          that of the one probability) and ece (expected calibration error, 15 bins of equal
          width), each {"value", "low", "high"}; and reliability, {"confidence", "accuracy",
          "count"} of those bins, see `graft.evaluation.probability_scores`. Decision values of a
          support vector machine are no probabilities: these keys are then missing;
        * per_class: {class: {…}}, below;
        * roc_auc and average_precision as {"value", "low", "high"}, roc_curve {"fpr", "tpr"} and
          precision_recall_curve {"recall", "precision"} of at most 200 points. Of two single
          labels the second is positive (positive_class). Otherwise each class against the rest is
          a question, and all of them are ranked in one pool (micro-average; positive_class is
          None). Where there are not both positive and negative questions these keys are missing.

        Single-label:

        * majority_class, majority_baseline (the accuracy of always answering with the commonest
          class of these images) and below_majority, true if the classifier does worse than that;
        * per_class: "accuracy", "low", "high", "precision", "recall", "f1", "support", where
          accuracy is the share of the class's images that are right: its recall, under the name
          that one looks for;
        * confusion_matrix: K x K lists, rows the true classes: "counts", "rates" (shares of the
          row), and their "low" and "high".

        Multi-label; what is not counted is left out class by class:

        * threshold, the score above which a class is claimed;
        * prevalence_baseline (the mean average precision of the same answer to every image: the
          mean share of positives) and below_prevalence, true if the classifier does worse;
        * per_class: "average_precision" (not interpolated), "low", "high",
          "average_precision_11_point", "roc_auc", "precision", "recall", "f1", "support" (images
          that show the class), "counted", and the decisions "found" (true positives), "missed"
          (false negatives) and "false_alarms" (false positives);
        * per_class_curves: {class: {"recall", "precision"}} of at most 60 points, without classes
          that no image shows.
    """
    settings: dict[str, Any] = {"resamples": resamples, "confidence": confidence, "seed": seed}
    metrics: dict[str, Any] = {
        "method": predictions.method,
        "test_images": len(predictions.ids),
    }
    overall = overall_scores(predictions, **settings)
    metrics |= {measure: interval.to_json() for measure, interval in overall.items()}
    metrics |= {
        "multi_label": predictions.multi_label,
        "confidence": confidence,
        "resamples": resamples,
        "predict_seconds": json_number(predictions.seconds),
        "probabilistic": predictions.probabilistic,
        "class_names": list(predictions.class_names),
    }
    metrics |= probability_metrics(predictions, **settings)
    if predictions.multi_label:
        return metrics | multi_label.label_metrics(predictions, **settings)
    return metrics | single_label.class_metrics(predictions, **settings)


def overall_scores(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """The scores over all classes.

    Arguments as of `classification_metrics`.

    Returns:
        Single-label: accuracy, which is micro-averaged F1 too; balanced_accuracy; macro_f1 and
        weighted_f1 (by the images of each class); of more than five classes top5_accuracy, the
        share of images whose class is among the five with the highest scores.

        Multi-label: mean_average_precision; macro_f1, weighted_f1 and micro_f1; label_accuracy, the
        share of all decisions that are right (1 - Hamming loss); and exact_match, the share of
        images that are right in every class. Means over classes leave out those that no image
        shows (F1: nor was claimed of one).
    """
    settings: dict[str, Any] = {"resamples": resamples, "confidence": confidence, "seed": seed}
    if predictions.multi_label:
        return multi_label.overall_scores(predictions, **settings)
    return single_label.overall_scores(predictions, **settings)
