"""Which backbone suits these images, by cheap probes, before any is fine-tuned."""

from graft.pipelines.backbone_selection.pipeline import create_pipeline

__all__ = ["create_pipeline"]
