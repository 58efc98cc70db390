"""The transferred network, and the same one from scratch."""

from graft.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
