"""The pipelines that `kedro run --pipeline=<name>` knows."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from graft.pipelines import (
    augmentation,
    evaluation,
    feature_extraction,
    ingest,
    pretraining,
    svm,
    training,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Each pipeline by its name, and `transfer_learning`, the chain of them, as the default."""
    stages = {
        "ingest": ingest.create_pipeline(),
        "augmentation": augmentation.create_pipeline(),
        "training": training.create_pipeline(),
        "feature_extraction": feature_extraction.create_pipeline(),
        "svm": svm.create_pipeline(),
        "evaluation": evaluation.create_pipeline(),
    }
    transfer_learning = sum(stages.values(), Pipeline([]))
    return {
        "transfer_learning": transfer_learning,
        **stages,
        "pretraining": stages["ingest"] + pretraining.create_pipeline(),
        "__default__": transfer_learning,
    }
