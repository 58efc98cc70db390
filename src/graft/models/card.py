"""Model cards (Mitchell et al. 2019): what weights are, where they come from, how good they are."""

from __future__ import annotations

from typing import Any

from graft.images.augmentation import policy_from_parameters
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
    augmentation = policy_from_parameters(checkpoint["augmentation"]).describe()
    # Where images show several classes, they are ranked for each.
    several = "mean_average_precision" in metrics
    total, single = (
        ("mean_average_precision", "average_precision") if several else ("accuracy",) * 2
    )
    per_class = "\n".join(
        f"| {name} | {_percent(figures[single])} | "
        f"{_percent(figures['low'])} – {_percent(figures['high'])} |"
        for name, figures in metrics["per_class"].items()
    )
    options = "".join(f", {option} {value}" for option, value in checkpoint["options"].items())
    score, images = metrics[total], f"{metrics['test_images']:,} images"
    interval = f"{_percent(score['low'])} – {_percent(score['high'])}"
    precision = checkpoint.get("stored_as", "float32")
    overrides = f"source.folder=/path/to/images,seed={checkpoint['seed']}"
    minutes = f"{checkpoint['train_seconds'] / 60:.0f} minutes"
    size = checkpoint["input_size"] or data["image_size"][0]
    return f"""# {checkpoint["backbone"]}, trained on {source.title}

| | |
|---|---|
| network | {checkpoint["backbone"]}{options}, {checkpoint["parameters"]:,} parameters |
| input | {size} × {size} RGB, channel means {checkpoint["mean"]}, deviations {checkpoint["std"]} |
| classes | {", ".join(checkpoint["class_names"])} |
| training data | {checkpoint["train_images"]:,} images; {source.citation or "no citation"} |
| test {_in_words(total)} | {_percent(score["value"])} ({interval}), {images} |
| stored as | {precision}; the {_in_words(total)} is that of the stored weights |
| training time | {minutes} on {checkpoint["device"]} in {checkpoint["precision"]} |

## Reproduce

```
kedro run --pipeline=pretraining -x {experiment} --params={overrides}
```

The weights and this card then lie under `data/06_models/{experiment}/`.

## Recipe

{checkpoint["trained_epochs"]} epochs from random weights, seed {checkpoint["seed"]}: {constants}.
Augmentation: {augmentation}. The weights are those after the epoch {checkpoint["epoch"]}.

## {_in_words(single).capitalize()} by class

| class | {_in_words(single)} | {metrics.get("confidence", 0.95):.0%} interval |
|---|---|---|
{per_class}
"""


def _in_words(measure: str) -> str:
    return measure.replace("_", " ")


def _percent(share: float | None) -> str:
    """In percent, or a dash where there was nothing to measure."""
    return "–" if share is None else f"{100 * share:.2f} %"
