"""image store + weights, if any → one network, its metrics and figures."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.evaluation import nodes as evaluation
from graft.pipelines.evaluation import trust
from graft.pipelines.evaluation.pipeline import figures_of_metrics
from graft.pipelines.explanation import nodes as explanation
from graft.pipelines.single_network import nodes
from graft.pipelines.training import nodes as training


def create_pipeline() -> Pipeline:
    return Pipeline(
        [*_training(), *_evaluation(), *_figures()],
        namespace="single_network",
        prefix_datasets_with_namespace=False,
    )


def _training() -> list[Node]:
    return [
        Node(
            training.summarise_network,
            inputs=[
                "image_store",
                "dataset_card",
                "pretrained_weights",
                "params:model",
                "params:seed",
            ],
            outputs=["model_summary", "layer_summary"],
            name="summarise_network",
        ),
        Node(
            training.train_network,
            inputs=[
                "image_store",
                "dataset_card",
                "pretrained_weights",
                "training_state",
                "params:model",
                "params:training",
                "params:augmentation",
                "params:compute",
                "params:seed",
                "params:processes",
            ],
            outputs=["best_checkpoint", "last_checkpoint", "training_history"],
            name="train_network",
        ),
    ]


def _evaluation() -> list[Node]:
    return [
        Node(
            nodes.predict_test,
            inputs=["best_checkpoint", "image_store", "params:compute"],
            outputs="network_predictions",
            name="predict_test",
        ),
        Node(
            nodes.predict_validation,
            inputs=["best_checkpoint", "image_store", "params:compute"],
            outputs="validation_predictions",
            name="predict_validation",
        ),
        Node(
            nodes.evaluate,
            inputs=[
                "network_predictions",
                "best_checkpoint",
                "model_summary",
                "params:evaluation",
                "params:seed",
            ],
            outputs=["metrics", "comparison_table"],
            name="evaluate",
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
            nodes.diagnose,
            inputs=["training_history", "best_checkpoint", "image_store", "params:evaluation"],
            outputs="diagnosis",
            name="diagnose",
        ),
    ]


def _figures() -> list[Node]:
    return [
        Node(
            nodes.draw_training_curves,
            inputs=["training_history", "best_checkpoint"],
            outputs="training_curves",
            name="draw_training_curves",
        ),
        Node(
            nodes.draw_confusion_matrix,
            inputs="metrics",
            outputs="network_confusion_matrix",
            name="draw_confusion_matrix",
        ),
        *figures_of_metrics(),
        Node(
            evaluation.draw_reliability_diagrams,
            inputs=["metrics", "calibration"],
            outputs="reliability_diagrams",
            name="draw_reliability_diagrams",
        ),
        Node(
            evaluation.draw_wrong_predictions,
            inputs=["image_store", "network_predictions"],
            outputs="wrong_predictions",
            name="draw_wrong_predictions",
        ),
        Node(
            explanation.draw_prediction_grid,
            inputs=["image_store", "network_predictions", "params:seed"],
            outputs="prediction_grid",
            name="draw_prediction_grid",
        ),
        Node(
            explanation.draw_filters,
            inputs="best_checkpoint",
            outputs="first_layer_filters",
            name="draw_filters",
        ),
        Node(
            explanation.draw_grad_cam,
            inputs=[
                "best_checkpoint",
                "image_store",
                "network_predictions",
                "params:compute",
                "params:seed",
            ],
            outputs="grad_cam",
            name="draw_grad_cam",
        ),
    ]
