"""Transfer against scratch over the number of labelled images, with a diagnosis."""

from graft.pipelines.learning_curves.pipeline import create_pipeline

__all__ = ["create_pipeline"]
