"""The classifier with all that it takes to use it, in one folder."""

from graft.pipelines.bundle.pipeline import (
    create_linear_probe_pipeline,
    create_pipeline,
    create_svm_pipeline,
)

__all__ = ["create_linear_probe_pipeline", "create_pipeline", "create_svm_pipeline"]
