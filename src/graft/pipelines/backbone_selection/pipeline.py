"""image store + weights of several backbones → their ranking."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.backbone_selection import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.rank,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "candidate_weights",
                    "feature_cache",
                    "params:backbone_selection",
                    "params:compute",
                    "params:seed",
                ],
                outputs="backbone_ranking",
                name="rank_backbones",
            ),
            Node(
                nodes.draw_ranking,
                inputs="backbone_ranking",
                outputs="backbone_ranking_figure",
                name="draw_backbone_ranking",
            ),
        ],
        namespace="backbone_selection",
        prefix_datasets_with_namespace=False,
    )
