"""checkpoints, SVM, features and test images → metrics, comparison table, figures."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.evaluation import nodes, trust


def create_pipeline() -> Pipeline:
    return Pipeline(
        [*_predictions(), *_comparison(), *_trust(), *_figures()],
        namespace="evaluation",
        prefix_datasets_with_namespace=False,
    )


def _predictions() -> list[Node]:
    return [
        Node(
            nodes.predict_finetuned,
            inputs=["best_checkpoint", "image_store", "params:compute"],
            outputs="network_predictions",
            name="predict_finetuned",
        ),
        Node(
            nodes.predict_svm,
            inputs=["svm", "features", "image_store"],
            outputs="svm_predictions",
            name="predict_svm",
        ),
        Node(
            nodes.predict_linear_probe,
            inputs=["linear_probe", "features", "image_store"],
            outputs="linear_probe_predictions",
            name="predict_linear_probe",
        ),
        Node(
            nodes.predict_knn,
            inputs=["knn", "features", "image_store"],
            outputs="knn_predictions",
            name="predict_knn",
        ),
        Node(
            nodes.predict_scratch,
            inputs=["scratch_checkpoint", "image_store", "params:compute"],
            outputs="scratch_predictions",
            name="predict_scratch",
        ),
    ]


def _comparison() -> list[Node]:
    return [
        Node(
            nodes.compare,
            inputs=[
                "network_predictions",
                "svm_predictions",
                "linear_probe_predictions",
                "knn_predictions",
                "scratch_predictions",
                "best_checkpoint",
                "scratch_checkpoint",
                "svm",
                "linear_probe",
                "knn",
                "model_summary",
                "params:evaluation",
                "params:seed",
            ],
            outputs=["metrics", "comparison_table"],
            name="compare",
        )
    ]


def _trust() -> list[Node]:
    return [
        Node(
            trust.predict_validation,
            inputs=["best_checkpoint", "image_store", "params:compute"],
            outputs="validation_predictions",
            name="predict_validation",
        ),
        Node(
            trust.calibrate,
            inputs=[
                "validation_predictions",
                "network_predictions",
                "params:evaluation",
                "params:seed",
            ],
            outputs="calibration",
            name="calibrate",
        ),
        Node(
            trust.diagnose,
            inputs=["training_history", "scratch_history", "image_store", "params:evaluation"],
            outputs="diagnosis",
            name="diagnose",
        ),
    ]


def _figures() -> list[Node]:
    return [
        Node(
            nodes.draw_confusion_matrices,
            inputs="metrics",
            outputs=[
                "network_confusion_matrix",
                "svm_confusion_matrix",
                "linear_probe_confusion_matrix",
                "knn_confusion_matrix",
                "scratch_confusion_matrix",
            ],
            name="draw_confusion_matrices",
        ),
        *figures_of_metrics(),
        Node(
            nodes.draw_reliability_diagrams,
            inputs=["metrics", "calibration"],
            outputs="reliability_diagrams",
            name="draw_reliability_diagrams",
        ),
        Node(
            nodes.draw_comparison,
            inputs="comparison_table",
            outputs="comparison_figure",
            name="draw_comparison",
        ),
        Node(
            nodes.draw_costs,
            inputs="comparison_table",
            outputs="costs_figure",
            name="draw_costs",
        ),
        Node(
            nodes.draw_wrong_predictions,
            inputs=["image_store", "network_predictions"],
            outputs="wrong_predictions",
            name="draw_wrong_predictions",
        ),
    ]


def figures_of_metrics() -> list[Node]:
    """What is drawn of the metrics of however many classifiers."""
    return [
        Node(
            nodes.draw_per_class_scores,
            inputs="metrics",
            outputs="per_class_scores",
            name="draw_per_class_scores",
        ),
        Node(nodes.draw_roc_curves, inputs="metrics", outputs="roc_curves", name="draw_roc_curves"),
        Node(
            nodes.draw_precision_recall_curves,
            inputs="metrics",
            outputs="precision_recall_curves",
            name="draw_precision_recall_curves",
        ),
    ]
