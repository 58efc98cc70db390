"""image store + pretrained weights → features."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.feature_extraction import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.extract,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "pretrained_weights",
                    "feature_cache",
                    "params:model",
                    "params:features",
                    "params:compute",
                    "params:seed",
                ],
                outputs="features",
                name="extract_features",
            )
        ],
        namespace="feature_extraction",
        prefix_datasets_with_namespace=False,
    )
