"""A linear probe and nearest neighbours on the features."""

from graft.pipelines.probes.pipeline import create_pipeline

__all__ = ["create_pipeline"]
