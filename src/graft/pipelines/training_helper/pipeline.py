"""image store + pretrained weights → the trainings of the first host, helped."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.training_helper import nodes

_PARAMETERS = ["params:augmentation", "params:compute", "params:seed", "params:processes"]


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.help_from_scratch,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "params:model",
                    "params:training",
                    "params:scratch",
                    *_PARAMETERS,
                ],
                outputs="from_scratch_done",
                name="help_from_scratch",
            ),
            Node(
                nodes.help_transferred,
                inputs=[
                    "from_scratch_done",
                    "image_store",
                    "dataset_card",
                    "pretrained_weights",
                    "params:model",
                    "params:training",
                    *_PARAMETERS,
                ],
                outputs="transferred_done",
                name="help_transferred",
            ),
        ],
        namespace="training_helper",
        prefix_datasets_with_namespace=False,
    )
