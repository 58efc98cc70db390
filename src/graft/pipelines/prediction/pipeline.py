"""bundle + new images → predictions, a competition's table, a figure."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.prediction import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.predict,
                inputs=["prediction_images", "prediction_bundle", "params:compute"],
                outputs="predictions",
                name="predict",
            ),
            Node(
                nodes.write_submission,
                inputs=["predictions", "params:prediction"],
                outputs="submission",
                name="write_submission",
            ),
            Node(
                nodes.draw_predicted_images,
                inputs=["prediction_images", "prediction_bundle", "predictions"],
                outputs="predicted_images",
                name="draw_predicted_images",
            ),
        ],
        namespace="prediction",
        prefix_datasets_with_namespace=False,
    )
