"""One network, trained and evaluated: a row of most reports' tables."""

from graft.pipelines.single_network.pipeline import create_pipeline

__all__ = ["create_pipeline"]
