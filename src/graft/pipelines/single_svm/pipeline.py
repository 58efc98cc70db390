"""features, a support vector machine on them → its metrics and figures."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.evaluation import nodes as evaluation
from graft.pipelines.evaluation.pipeline import figures_of_metrics
from graft.pipelines.single_network.nodes import draw_confusion_matrix
from graft.pipelines.single_svm import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                evaluation.predict_svm,
                inputs=["svm", "features", "image_store"],
                outputs="svm_predictions",
                name="predict_test",
            ),
            Node(
                nodes.evaluate,
                inputs=["svm_predictions", "svm", "params:evaluation", "params:seed"],
                outputs=["metrics", "comparison_table"],
                name="evaluate",
            ),
            Node(
                draw_confusion_matrix,
                inputs="metrics",
                outputs="svm_confusion_matrix",
                name="draw_confusion_matrix",
            ),
            *figures_of_metrics(),
        ],
        namespace="single_svm",
        prefix_datasets_with_namespace=False,
    )
