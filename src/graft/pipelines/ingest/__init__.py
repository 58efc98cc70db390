"""Images from a source into a verified image store."""

from graft.pipelines.ingest.pipeline import create_pipeline

__all__ = ["create_pipeline"]
