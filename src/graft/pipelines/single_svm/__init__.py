"""A support vector machine on frozen features, evaluated alone: no network is trained."""

from graft.pipelines.single_svm.pipeline import create_pipeline

__all__ = ["create_pipeline"]
