"""Training images that are probably labelled wrong."""

from graft.pipelines.label_audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
