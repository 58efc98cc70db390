"""Model cards (Mitchell et al. 2019): what weights are, where they come from, how good they are."""

from __future__ import annotations

from typing import Any

from graft.images.sources import get_source


def model_card(
    checkpoint: dict[str, Any], metrics: dict[str, Any], data: dict[str, Any], experiment: str
) -> str:
    """A model card in Markdown.

    Args:
        checkpoint: Metadata of the checkpoint that is handed on.
        metrics: Its metrics on the test images, as `classification_metrics` gives them.
        data: The dataset card.
        experiment: The experiment that trained it.
    """
    source = get_source(data["source"])
    recipe = checkpoint["recipe"]
    constants = ", ".join(f"{k} {v}" for k, v in recipe.items() if v is not None)
    augmentation = ", ".join(f"{k} {v}" for k, v in checkpoint["augmentation"].items() if v)
    per_class = "\n".join(
        f"| {name} | {_percent(figures['accuracy'])} | "
        f"{_percent(figures['low'])} – {_percent(figures['high'])} |"
        for name, figures in metrics["per_class"].items()
    )
    accuracy = metrics["accuracy"]
    interval = f"{_percent(accuracy['low'])} – {_percent(accuracy['high'])}"
    precision = checkpoint.get("stored_as", "float32")
    overrides = f"source.folder=/path/to/images,seed={checkpoint['seed']}"
    minutes = f"{checkpoint['train_seconds'] / 60:.0f} minutes"
    size = checkpoint["input_size"] or data["image_size"][0]
    return f"""# {checkpoint["backbone"]}, trained on {source.title}

| | |
|---|---|
| network | {checkpoint["backbone"]}, {checkpoint["parameters"]:,} parameters |
| input | {size} × {size} RGB, channel means {checkpoint["mean"]}, deviations {checkpoint["std"]} |
| classes | {", ".join(checkpoint["class_names"])} |
| training data | {checkpoint["train_images"]:,} images; {source.citation or "no citation"} |
| test accuracy | {_percent(accuracy["value"])} ({interval}), {metrics["test_images"]:,} images |
| stored as | {precision}; the accuracy is that of the stored weights |
| training time | {minutes} on {checkpoint["device"]} in {checkpoint["precision"]} |

## Reproduce

```
kedro run --pipeline=pretraining -x {experiment} --params={overrides}
```

The weights and this card then lie under `data/06_models/{experiment}/`.

## Recipe

{checkpoint["trained_epochs"]} epochs from random weights, seed {checkpoint["seed"]}: {constants}.
Augmentation: {augmentation or "none"}. The weights are those after the epoch {checkpoint["epoch"]}.

## Accuracy by class

| class | accuracy | {metrics.get("confidence", 0.95):.0%} interval |
|---|---|---|
{per_class}
"""


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
