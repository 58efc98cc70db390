"""Reports of a run and of a comparison, an HTML file each."""

from graft.pipelines.report.pipeline import (
    create_comparison_pipeline,
    create_network_pipeline,
    create_pipeline,
)

__all__ = ["create_comparison_pipeline", "create_network_pipeline", "create_pipeline"]
