"""A bundle's network for other programs."""

from graft.pipelines.export.pipeline import create_pipeline

__all__ = ["create_pipeline"]
