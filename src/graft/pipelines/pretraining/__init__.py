"""A backbone trained from scratch, with its model card."""

from graft.pipelines.pretraining.pipeline import create_pipeline

__all__ = ["create_pipeline"]
