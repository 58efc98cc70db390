"""features → support vector machine."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.svm import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.fit,
                inputs=["features", "params:svm", "params:seed"],
                outputs=["svm", "svm_search"],
                name="fit_svm",
            )
        ],
        namespace="svm",
        prefix_datasets_with_namespace=False,
    )
