"""Which figures a report shows where, and how each is to be read."""

from __future__ import annotations

from collections.abc import Mapping

from graft.report.page import Picture

# By the section that they stand in; name in the catalog: title, how to read it.
CAPTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "results": {
        "comparison_figure": (
            "All methods on the same test images",
            "The dotted line (or the arrow) is a classifier that knows no image. Differences are "
            "paired: both methods see the same images, so they are surer than two overlapping "
            "intervals suggest.",
        ),
        "costs_figure": ("What each method is worth, and costs", ""),
        "per_class_scores": ("Class by class", "Few test images of a class make long whiskers."),
        "network_confusion_matrix": (
            "Confusion matrix: the network",
            "Rows are true classes. Off the diagonal: which class is taken for which other one.",
        ),
        "svm_confusion_matrix": ("Confusion matrix: SVM on frozen features", ""),
        "linear_probe_confusion_matrix": ("Confusion matrix: linear probe", ""),
        "knn_confusion_matrix": ("Confusion matrix: k-NN", ""),
        "scratch_confusion_matrix": ("Confusion matrix: from scratch", ""),
        "roc_curves": ("ROC curves", "The nearer to the upper left corner, the better ranked."),
        "precision_recall_curves": (
            "Precision and recall",
            "What share of the claims is right, if so large a share of the images is to be found.",
        ),
        "reliability_diagrams": (
            "Are the probabilities what they say?",
            "On the dotted line a method that is 80 % sure is right in 80 % of the cases; below it "
            "is too sure of itself. Grey: how many images it was so sure of.",
        ),
    },
    "errors": {
        "wrong_predictions": (
            "Wrong predictions, the most confident first",
            "The first of them are the place to look for wrong labels.",
        ),
        "prediction_grid": (
            "Right and wrong answers",
            "A tick or a cross stands over each image with its true class. Bars are the three "
            "highest scores: the true class blue, others orange and hatched.",
        ),
        "grad_cam": (
            "What speaks for the predicted class (Grad-CAM)",
            "Bright where the picture speaks for the class. Maps are as coarse as the cells of the "
            "last stage. They show what the network looked at, not whether that was a good reason.",
        ),
        "suspicious_labels_figure": (
            "Suspicious labels of training images",
            "Judged by classifiers that had not seen the image.",
        ),
    },
    "network": {
        "training_curves": (
            "Training",
            "A gap between training and validation is variance, both being bad is bias.",
        ),
        "feature_map": (
            "Features of test images before fine-tuning",
            "Classes that lie apart can be told apart by a simple classifier. Of t-SNE only "
            "neighbourhoods mean something, not the distances between groups.",
        ),
        "first_layer_filters": (
            "Filters of the first layer",
            "Grey is a weight of zero. Edges and blobs of colour are a good sign, noise is not.",
        ),
    },
    "data": {
        "sample_grid": ("Training images", ""),
        "augmentation_preview": ("As training sees them", ""),
        "duplicates_figure": ("Duplicates", ""),
    },
}


# One confusion matrix is for everybody, those of the other methods for who asks.
_FOLDED = frozenset(
    f"{method}_confusion_matrix" for method in ("svm", "linear_probe", "knn", "scratch")
)


def pictures(section: str, figures: Mapping[str, bytes]) -> list[Picture]:
    """Those of the given figures (PNG, by their names in the catalog) that belong there."""
    return [
        Picture(figures[name], *words, folded=name in _FOLDED)
        for name, words in CAPTIONS[section].items()
        if name in figures
    ]


def figure_names() -> list[str]:
    """All figures that a report knows a place for."""
    return [name for section in CAPTIONS.values() for name in section]
