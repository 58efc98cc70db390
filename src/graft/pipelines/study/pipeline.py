"""study file → rows → table, claims, figure, page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.study import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.run_rows,
                inputs=["study_plan", "params:study_rows"],
                outputs="study_outcomes",
                name="run_rows",
            ),
            Node(
                nodes.tabulate,
                inputs=[
                    "study_plan",
                    "study_outcomes",
                    "study_results",
                    "params:evaluation",
                    "params:seed",
                ],
                outputs=["study_table", "study_claims"],
                name="tabulate",
            ),
            Node(
                nodes.draw_study,
                inputs="study_table",
                outputs="study_figure",
                name="draw_study",
            ),
            Node(
                nodes.write_study_report,
                inputs=[
                    "study_plan",
                    "study_outcomes",
                    "study_table",
                    "study_claims",
                    "study_results",
                    "study_figure",
                    "study_origin",
                ],
                outputs="study_report",
                name="write_study_report",
            ),
            Node(
                nodes.require_all_rows,
                inputs=["study_outcomes", "study_report"],
                outputs=None,
                name="require_all_rows",
            ),
        ],
        namespace="study",
        prefix_datasets_with_namespace=False,
    )
