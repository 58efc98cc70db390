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
    options = "".join(f", {option} {value}" for option, value in checkpoint["options"].items())
    total, single = measures(metrics)
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
| test {in_words(total)} | {test_score(metrics)} |
| stored as | {precision}; the {in_words(total)} is that of the stored weights |
| training time | {minutes} on {checkpoint["device"]} in {checkpoint["precision"]} |

## Reproduce

```
kedro run --pipeline=pretraining -x {experiment} --params={overrides}
```

The weights and this card then lie under `data/06_models/{experiment}/`.

## Recipe

{recipe(checkpoint, begun_with="random weights")}

## {in_words(single).capitalize()} by class

{class_table(metrics)}
"""


def recipe(checkpoint: dict[str, Any], begun_with: str) -> str:
    """How the weights of a checkpoint were trained, in a few sentences."""
    constants = ", ".join(f"{k} {v}" for k, v in checkpoint["recipe"].items() if v is not None)
    augmentation = policy_from_parameters(checkpoint["augmentation"]).describe()
    return (
        f"{checkpoint['trained_epochs']} epochs from {begun_with}, seed {checkpoint['seed']}: "
        f"{constants}.\nAugmentation: {augmentation}. The weights are those after the epoch "
        f"{checkpoint['epoch']}."
    )


def measures(metrics: dict[str, Any]) -> tuple[str, str]:
    """What metrics are judged by, over all classes and of one: several labels are ranked."""
    if "mean_average_precision" in metrics:
        return "mean_average_precision", "average_precision"
    return "accuracy", "accuracy"


def test_score(metrics: dict[str, Any]) -> str:
    """The score on the test images with its interval, and how many images they were."""
    score = metrics[measures(metrics)[0]]
    interval = f"{percent(score['low'])} – {percent(score['high'])}"
    return f"{percent(score['value'])} ({interval}), {metrics['test_images']:,} images"


def class_table(metrics: dict[str, Any]) -> str:
    """The score of every class with its interval, as a table."""
    single = measures(metrics)[1]
    rows = [
        f"| {name} | {percent(figures[single])} | "
        f"{percent(figures['low'])} – {percent(figures['high'])} |"
        for name, figures in metrics["per_class"].items()
    ]
    confidence = f"{metrics.get('confidence', 0.95):.0%}"
    return "\n".join(
        [f"| class | {in_words(single)} | {confidence} interval |", "|---|---|---|", *rows]
    )


def in_words(measure: str) -> str:
    """A measure's name with spaces."""
    return measure.replace("_", " ")


def percent(share: float | None) -> str:
    """In percent, or a dash where there was nothing to measure."""
    return "–" if share is None else f"{100 * share:.2f} %"
