"""image store + pretrained weights → trainings at several sizes → table, diagnosis, figure."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.learning_curves import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.train_at_all_sizes,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "pretrained_weights",
                    "params:model",
                    "params:training",
                    "params:scratch",
                    "params:augmentation",
                    "params:compute",
                    "params:learning_curves",
                    "params:seed",
                ],
                outputs="learning_curve_points",
                name="train_at_all_sizes",
            ),
            Node(
                nodes.summarise_curves,
                inputs=["learning_curve_points", "image_store", "params:evaluation"],
                outputs=["learning_curve_table", "learning_curve_diagnosis"],
                name="summarise_curves",
            ),
            Node(
                nodes.draw_learning_curves,
                inputs=["learning_curve_table", "learning_curve_points", "image_store"],
                outputs="learning_curves_figure",
                name="draw_learning_curves",
            ),
        ],
        namespace="learning_curves",
        prefix_datasets_with_namespace=False,
    )
