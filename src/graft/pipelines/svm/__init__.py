"""A support vector machine on the features."""

from graft.pipelines.svm.pipeline import create_pipeline

__all__ = ["create_pipeline"]
