"""The pipelines that `kedro run --pipeline=<name>` knows."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from graft.pipelines import (
    augmentation,
    backbone_selection,
    bundle,
    comparison,
    evaluation,
    explanation,
    export,
    feature_extraction,
    ingest,
    label_audit,
    learning_curves,
    learning_rate_finder,
    prediction,
    pretraining,
    probes,
    report,
    single_network,
    single_svm,
    study,
    svm,
    sweep,
    training,
    training_helper,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Each pipeline by its name, and `transfer_learning`, the chain of them, as the default."""
    stages = {
        "ingest": ingest.create_pipeline(),
        "augmentation": augmentation.create_pipeline(),
        "training": training.create_pipeline(),
        "feature_extraction": feature_extraction.create_pipeline(),
        "svm": svm.create_pipeline(),
        "probes": probes.create_pipeline(),
        "evaluation": evaluation.create_pipeline(),
        "explanation": explanation.create_pipeline(),
        "bundle": bundle.create_pipeline(),
        "report": report.create_pipeline(),
    }
    transfer_learning = sum(stages.values(), Pipeline([]))
    return {
        "transfer_learning": transfer_learning,
        **stages,
        "single_network": stages["ingest"]
        + single_network.create_pipeline()
        + report.create_network_pipeline(),
        "single_svm": stages["ingest"]
        + stages["feature_extraction"]
        + stages["svm"]
        + single_svm.create_pipeline(),
        "label_audit": stages["ingest"]
        + stages["feature_extraction"]
        + label_audit.create_pipeline(),
        "learning_rate_finder": stages["ingest"] + learning_rate_finder.create_pipeline(),
        "learning_curves": stages["ingest"] + learning_curves.create_pipeline(),
        "sweep": stages["ingest"] + sweep.create_pipeline(),
        "backbone_selection": stages["ingest"] + backbone_selection.create_pipeline(),
        "comparison": comparison.create_pipeline() + report.create_comparison_pipeline(),
        "pretraining": stages["ingest"] + pretraining.create_pipeline(),
        "svm_bundle": bundle.create_svm_pipeline(),
        "linear_probe_bundle": bundle.create_linear_probe_pipeline(),
        "study": study.create_pipeline(),
        "prediction": prediction.create_pipeline(),
        "export": export.create_pipeline(),
        "training_helper": training_helper.create_pipeline(),
        "single_network_helper": training_helper.create_single_network_pipeline(),
        "pretraining_helper": training_helper.create_pretraining_pipeline(),
        "__default__": transfer_learning,
    }
