"""What a network consists of: stages, shapes, parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import torch

    from graft.models.classifier import Classifier


def stage_summary(model: Classifier, image_size: int) -> pd.DataFrame:
    """A row for each stage and for the head.

    Args:
        model: The classifier.
        image_size: Side length of its images in pixels, before any resizing of its own.

    Returns:
        Columns stage, output_shape (without the batch), parameters, trainable_parameters,
        trained ("yes", "no" or "partly"), and a last row of totals.
    """
    import pandas as pd
    import torch

    net = model.net
    stages = {**model.spec.stages(net), "head": (model.spec.head,)}
    shapes: dict[str, str] = {}
    handles = [
        net.get_submodule(paths[-1]).register_forward_hook(_shape_recorder(stage, shapes))
        for stage, paths in stages.items()
    ]
    was_training = model.training
    try:
        with torch.inference_mode():
            model.eval()(torch.zeros(1, 3, image_size, image_size))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    rows = []
    for stage, paths in stages.items():
        prefixes = tuple(f"{path}." for path in paths)
        parameters = [
            parameter
            for name, parameter in net.named_parameters()
            if name in paths or name.startswith(prefixes)
        ]
        total = sum(p.numel() for p in parameters)
        trainable = sum(p.numel() for p in parameters if p.requires_grad)
        rows.append((stage, shapes.get(stage, ""), total, trainable))
    rows.append(("total", "", sum(r[2] for r in rows), sum(r[3] for r in rows)))
    table = pd.DataFrame(
        rows, columns=["stage", "output_shape", "parameters", "trainable_parameters"]
    )
    table["trained"] = [
        "" if not total else "yes" if trainable == total else "partly" if trainable else "no"
        for total, trainable in zip(table.parameters, table.trainable_parameters, strict=True)
    ]
    return table


def _shape_recorder(
    stage: str, shapes: dict[str, str]
) -> Callable[[object, object, torch.Tensor], None]:
    def record(_module: object, _inputs: object, output: torch.Tensor) -> None:
        shapes[stage] = " × ".join(str(size) for size in output.shape[1:])

    return record
