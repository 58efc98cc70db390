"""bundle → its network for torch.export or ONNX."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.export import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.export,
                inputs=["prediction_bundle", "params:export"],
                outputs="exported_network",
                name="export",
            )
        ],
        namespace="export",
        prefix_datasets_with_namespace=False,
    )
