"""All classifiers on the same test images."""

from graft.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
