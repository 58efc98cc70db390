"""checkpoint, features and test images → prediction grid, filters, Grad-CAM, feature map."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.explanation import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.draw_prediction_grid,
                inputs=["image_store", "network_predictions", "params:seed"],
                outputs="prediction_grid",
                name="draw_prediction_grid",
            ),
            Node(
                nodes.draw_filters,
                inputs="best_checkpoint",
                outputs="first_layer_filters",
                name="draw_filters",
            ),
            Node(
                nodes.draw_grad_cam,
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
            Node(
                nodes.draw_feature_map,
                inputs=["features", "params:seed"],
                outputs="feature_map",
                name="draw_feature_map",
            ),
        ],
        namespace="explanation",
        prefix_datasets_with_namespace=False,
    )
