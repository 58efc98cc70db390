"""image store + pretrained weights → checkpoints, histories, curves."""

from __future__ import annotations

import warnings

from kedro.pipeline import Node, Pipeline
from kedro.utils import KedroExperimentalWarning

from graft.pipelines.training import nodes
from graft.pipelines.training.diagram import transfer_diagram


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.summarise_network,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "pretrained_weights",
                    "params:model",
                    "params:seed",
                ],
                outputs=["model_summary", "layer_summary"],
                name="summarise_network",
            ),
            _train_transferred(),
            Node(
                nodes.train_from_scratch,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "scratch_state",
                    "params:model",
                    "params:training",
                    "params:scratch",
                    "params:augmentation",
                    "params:compute",
                    "params:seed",
                    "params:processes",
                ],
                outputs=["scratch_checkpoint", "scratch_history"],
                name="train_from_scratch",
            ),
            Node(
                nodes.draw_training_curves,
                inputs=["training_history", "scratch_history"],
                outputs="training_curves",
                name="draw_training_curves",
            ),
        ],
        namespace="training",
        prefix_datasets_with_namespace=False,
    )


def _train_transferred() -> Node:
    """With the scheme of a transfer as its preview in kedro-viz."""
    with warnings.catch_warnings():
        # Kedro announces at every command that previews of nodes may still change.
        warnings.simplefilter("ignore", KedroExperimentalWarning)
        return Node(
            nodes.train_network,
            inputs=[
                "image_store",
                "dataset_card",
                "pretrained_weights",
                "training_state",
                "params:model",
                "params:training",
                "params:augmentation",
                "params:compute",
                "params:seed",
                "params:processes",
            ],
            outputs=["best_checkpoint", "last_checkpoint", "training_history"],
            name="train_transferred",
            preview_fn=transfer_diagram,
        )
