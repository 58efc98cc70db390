"""predictions of earlier runs → leaderboard, pairs, figures."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.comparison import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.rank,
                inputs=[
                    "compared_results",
                    "params:comparison",
                    "params:evaluation",
                    "params:seed",
                ],
                outputs=["leaderboard", "compared_pairs", "leaderboard_scores"],
                name="rank",
            ),
            Node(
                nodes.draw_leaderboard,
                inputs="leaderboard",
                outputs="leaderboard_figure",
                name="draw_leaderboard",
            ),
            Node(
                nodes.draw_parameters,
                inputs=["compared_results", "leaderboard"],
                outputs="compared_parameters_figure",
                name="draw_parameters",
            ),
        ],
        namespace="comparison",
        prefix_datasets_with_namespace=False,
    )
