"""image store + study → trials → best experiment, importances, correlations, figures."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.sweep import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.run_sweep,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "sweep_state",
                    "parameters",
                    "params:sweep",
                ],
                outputs=["sweep_trials", "sweep_plan"],
                name="run_sweep",
            ),
            Node(
                nodes.choose_best,
                inputs=["sweep_trials", "sweep_plan", "sweep_origin"],
                outputs=["sweep_best", "best_experiment"],
                name="choose_best",
            ),
            Node(
                nodes.explain_trials,
                inputs=["sweep_trials", "sweep_plan", "params:evaluation"],
                outputs=["sweep_importances", "sweep_correlations"],
                name="explain_trials",
            ),
            Node(
                nodes.draw_sweep,
                inputs=[
                    "sweep_trials",
                    "sweep_plan",
                    "sweep_importances",
                    "sweep_correlations",
                ],
                outputs=[
                    "sweep_coordinates_figure",
                    "sweep_history_figure",
                    "sweep_importances_figure",
                    "sweep_correlations_figure",
                ],
                name="draw_sweep",
            ),
        ],
        namespace="sweep",
        prefix_datasets_with_namespace=False,
    )
