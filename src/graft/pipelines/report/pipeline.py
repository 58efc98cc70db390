"""card, tables, metrics, figures → report."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from graft.pipelines.report import nodes

TABLES = (
    "run_origin",
    "dataset_card",
    "quarantine",
    "metrics",
    "comparison_table",
    "model_summary",
    "diagnosis",
    "calibration",
)
# In `graft.report.figures` stands where the report shows them.
NETWORK_FIGURES = (
    "per_class_scores",
    "network_confusion_matrix",
    "roc_curves",
    "precision_recall_curves",
    "reliability_diagrams",
    "wrong_predictions",
    "prediction_grid",
    "grad_cam",
    "training_curves",
    "first_layer_filters",
    "sample_grid",
    "duplicates_figure",
)
FIGURES = (
    *NETWORK_FIGURES,
    "comparison_figure",
    "costs_figure",
    "svm_confusion_matrix",
    "linear_probe_confusion_matrix",
    "knn_confusion_matrix",
    "scratch_confusion_matrix",
    "feature_map",
    "augmentation_preview",
)


def create_pipeline() -> Pipeline:
    """Of a run of `transfer_learning`, as its last step."""
    return _of_run(FIGURES)


def create_network_pipeline() -> Pipeline:
    """Of a run of `single_network`, likewise."""
    return _of_run(NETWORK_FIGURES)


def create_comparison_pipeline() -> Pipeline:
    """Of a comparison of runs."""
    return _pipeline(
        Node(
            nodes.write_comparison_report,
            inputs=[
                "comparison_origin",
                "leaderboard",
                "compared_pairs",
                "leaderboard_figure",
            ],
            outputs="comparison_report",
            name="write_comparison_report",
        )
    )


def _of_run(figures: Sequence[str]) -> Pipeline:
    return _pipeline(
        Node(
            nodes.write_report,
            inputs={name: name for name in (*TABLES, *figures)},
            outputs="report",
            name="write_report",
        )
    )


def _pipeline(node: Node) -> Pipeline:
    return Pipeline([node], namespace="report", prefix_datasets_with_namespace=False)
