"""image store + pretrained weights → the trainings of the first host, helped."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.training_helper import nodes

_PARAMETERS = ["params:augmentation", "params:compute", "params:seed", "params:processes"]


def create_pipeline() -> Pipeline:
    """Of `training`, and so of `transfer_learning`."""
    return _pipeline(
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
        ]
    )


def create_single_network_pipeline() -> Pipeline:
    """Of `single_network`."""
    return _pipeline(
        [
            Node(
                nodes.help_network,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "pretrained_weights",
                    "params:model",
                    "params:training",
                    *_PARAMETERS,
                ],
                outputs="network_done",
                name="help_network",
            )
        ]
    )


def create_pretraining_pipeline() -> Pipeline:
    """Of `pretraining`."""
    return _pipeline(
        [
            Node(
                nodes.help_pretraining,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "params:model",
                    "params:training",
                    *_PARAMETERS,
                ],
                outputs="pretraining_done",
                name="help_pretraining",
            )
        ]
    )


def _pipeline(steps: list[Node]) -> Pipeline:
    return Pipeline(steps, namespace="training_helper", prefix_datasets_with_namespace=False)
