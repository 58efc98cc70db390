"""What augmentation does to training images, to look at."""

from graft.pipelines.augmentation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
