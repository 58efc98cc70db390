"""What the fine-tuned network has learnt to see, in pictures."""

from graft.pipelines.explanation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
