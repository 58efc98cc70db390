"""What the other hosts run while the first one trains."""

from graft.pipelines.training_helper.pipeline import create_pipeline

__all__ = ["create_pipeline"]
