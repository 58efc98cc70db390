"""What the other hosts run while the first one trains."""

from graft.pipelines.training_helper.pipeline import (
    create_pipeline,
    create_pretraining_pipeline,
    create_single_network_pipeline,
)

__all__ = ["create_pipeline", "create_pretraining_pipeline", "create_single_network_pipeline"]
