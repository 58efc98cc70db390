"""image store → a figure of originals and augmented versions."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.augmentation import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.preview_augmentation,
                inputs=["image_store", "params:augmentation", "params:seed"],
                outputs="augmentation_preview",
                name="preview_augmentation",
            )
        ],
        namespace="augmentation",
        prefix_datasets_with_namespace=False,
    )
