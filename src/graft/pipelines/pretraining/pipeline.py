"""image store → a backbone trained from scratch, its weights to hand on, its model card."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from graft.pipelines.pretraining import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.pretrain,
                inputs=[
                    "image_store",
                    "dataset_card",
                    "pretraining_state",
                    "params:model",
                    "params:training",
                    "params:augmentation",
                    "params:compute",
                    "params:seed",
                    "params:processes",
                ],
                outputs=["pretraining_checkpoint", "pretraining_history"],
                name="pretrain",
            ),
            Node(
                nodes.export_backbone,
                inputs="pretraining_checkpoint",
                outputs="backbone_weights",
                name="export_backbone",
            ),
            Node(
                nodes.evaluate_backbone,
                inputs=[
                    "backbone_weights",
                    "image_store",
                    "params:compute",
                    "params:evaluation",
                    "params:seed",
                ],
                outputs="backbone_metrics",
                name="evaluate_backbone",
            ),
            Node(
                nodes.write_model_card,
                inputs=[
                    "backbone_weights",
                    "backbone_metrics",
                    "dataset_card",
                    "params:experiment",
                ],
                outputs="model_card",
                name="write_model_card",
            ),
            Node(
                nodes.draw_pretraining_curves,
                inputs="pretraining_history",
                outputs="pretraining_curves",
                name="draw_pretraining_curves",
            ),
            Node(
                nodes.draw_backbone_confusion,
                inputs="backbone_metrics",
                outputs="backbone_confusion_matrix",
                name="draw_backbone_confusion",
            ),
        ],
        namespace="pretraining",
        prefix_datasets_with_namespace=False,
    )
