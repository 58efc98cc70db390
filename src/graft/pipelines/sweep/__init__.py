"""Many trainings with sampled parameters: trials, the best of them, what made the difference."""

from graft.pipelines.sweep.pipeline import create_pipeline

__all__ = ["create_pipeline"]
