"""Results of several runs → a leaderboard with honest ties, the pairs' tests, a figure."""

from graft.pipelines.comparison.pipeline import create_pipeline

__all__ = ["create_pipeline"]
