"""source → decode → compare → audit → split → pack → image store, card, duplicates, samples."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.ingest import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.decode,
                inputs=["source_images", "params:images"],
                outputs="decoded_images",
                name="decode",
            ),
            Node(
                nodes.compare,
                inputs="decoded_images",
                outputs="duplicate_pairs",
                name="compare",
            ),
            Node(
                nodes.audit,
                inputs=["decoded_images", "duplicate_pairs", "params:images"],
                outputs=["kept_images", "quarantine"],
                name="audit",
            ),
            Node(
                nodes.assign,
                inputs=[
                    "kept_images",
                    "duplicate_pairs",
                    "params:images",
                    "params:split",
                    "params:seed",
                ],
                outputs="splits",
                name="split",
            ),
            Node(
                nodes.tabulate_duplicates,
                inputs=["duplicate_pairs", "kept_images", "splits"],
                outputs="duplicates",
                name="tabulate_duplicates",
            ),
            Node(nodes.pack, inputs=["kept_images", "splits"], outputs="image_store", name="pack"),
            Node(
                nodes.describe,
                inputs=["image_store", "duplicates"],
                outputs="dataset_card",
                name="describe",
            ),
            Node(
                nodes.draw_duplicates,
                inputs=["duplicates", "decoded_images"],
                outputs="duplicates_figure",
                name="draw_duplicates",
            ),
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
