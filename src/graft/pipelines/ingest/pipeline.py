"""source → decode and audit → split and pack → image store, dataset card, sample grid."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.ingest import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.decode,
                inputs=["source_images", "params:images"],
                outputs=["decoded_images", "quarantine"],
                name="decode",
            ),
            Node(
                nodes.pack,
                inputs=[
                    "decoded_images",
                    "params:images",
                    "params:split",
                    "params:seed",
                ],
                outputs="image_store",
                name="split_and_pack",
            ),
            Node(nodes.describe, inputs="image_store", outputs="dataset_card", name="describe"),
            Node(
                nodes.draw_samples,
                inputs=["image_store", "params:seed"],
                outputs="sample_grid",
                name="draw_samples",
            ),
        ],
        namespace="ingest",
        prefix_datasets_with_namespace=False,
    )
