"""A report's table: its rows run one by one, then reported and measured side by side."""

from graft.pipelines.study.pipeline import create_pipeline

__all__ = ["create_pipeline"]
