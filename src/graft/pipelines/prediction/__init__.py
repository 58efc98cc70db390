"""What a bundle says of new images."""

from graft.pipelines.prediction.pipeline import create_pipeline

__all__ = ["create_pipeline"]
