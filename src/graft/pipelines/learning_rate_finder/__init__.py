"""Which learning rate to begin with."""

from graft.pipelines.learning_rate_finder.pipeline import create_pipeline

__all__ = ["create_pipeline"]
