"""features → linear probe, nearest neighbours."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.probes import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.fit_linear,
                inputs=["features", "params:linear_probe", "params:seed"],
                outputs="linear_probe",
                name="fit_linear_probe",
            ),
            Node(
                nodes.fit_neighbours,
                inputs=["features", "params:knn", "params:seed"],
                outputs="knn",
                name="fit_knn",
            ),
            Node(
                nodes.tabulate_search,
                inputs=["linear_probe", "knn"],
                outputs="probe_search",
                name="tabulate_search",
            ),
        ],
        namespace="probes",
        prefix_datasets_with_namespace=False,
    )
