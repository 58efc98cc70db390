"""features and image store → suspicious labels, and their pictures."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.label_audit import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.audit_labels,
                inputs=["features", "image_store", "params:label_audit", "params:seed"],
                outputs="suspicious_labels",
                name="audit_labels",
            ),
            Node(
                nodes.draw_suspicious_labels,
                inputs=["suspicious_labels", "image_store"],
                outputs="suspicious_labels_figure",
                name="draw_suspicious_labels",
            ),
        ],
        namespace="label_audit",
        prefix_datasets_with_namespace=False,
    )
