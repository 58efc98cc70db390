"""trained classifier, metrics, card → a bundle: the model to use."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.bundle import nodes


def create_pipeline() -> Pipeline:
    """Of the fine-tuned network, as the last step but the report of `transfer_learning`."""
    return _pipeline(
        Node(
            nodes.bundle_network,
            inputs=[
                "best_checkpoint",
                "image_store",
                "network_predictions",
                "calibration",
                "metrics",
                "dataset_card",
                "run_origin",
                "params:images",
                "params:compute",
            ],
            outputs="model_bundle",
            name="bundle_network",
        )
    )


def create_svm_pipeline() -> Pipeline:
    """Of the support vector machine, after a run that has fitted it."""
    return _pipeline(_of_probe("svm"))


def create_linear_probe_pipeline() -> Pipeline:
    """Of the linear probe, likewise."""
    return _pipeline(_of_probe("linear_probe"))


def _of_probe(name: str) -> Node:
    return Node(
        nodes.bundle_probe,
        inputs=[
            name,
            "pretrained_weights",
            "image_store",
            f"{name}_predictions",
            "metrics",
            "dataset_card",
            "run_origin",
            "params:model",
            "params:features",
            "params:images",
            "params:compute",
            "params:seed",
        ],
        outputs=f"{name}_bundle",
        name=f"bundle_{name}",
    )


def _pipeline(node: Node) -> Pipeline:
    return Pipeline([node], namespace="bundle", prefix_datasets_with_namespace=False)
