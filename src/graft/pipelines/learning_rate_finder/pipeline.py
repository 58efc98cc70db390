"""image store + pretrained weights → loss by learning rate, the rate to take."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.learning_rate_finder import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.search,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "pretrained_weights",
                    "params:model",
                    "params:training",
                    "params:augmentation",
                    "params:compute",
                    "params:learning_rate_finder",
                    "params:seed",
                ],
                outputs="learning_rate_search",
                name="search_learning_rates",
            ),
            Node(
                nodes.suggest,
                inputs="learning_rate_search",
                outputs=["suggested_learning_rate", "learning_rate_figure"],
                name="suggest_learning_rate",
            ),
        ],
        namespace="learning_rate_finder",
        prefix_datasets_with_namespace=False,
    )
