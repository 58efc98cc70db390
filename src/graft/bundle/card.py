"""A bundle's card (Mitchell et al. 2019): what the model is for, how good it is, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.images.sources import get_source
from graft.models.card import class_table, in_words, measures, percent, recipe, test_score

if TYPE_CHECKING:
    from graft.bundle.bundle import Bundle

FEW_IMAGES = 20  # training images of a class, below which the card warns of it


def bundle_card(bundle: Bundle, metrics: dict[str, Any], data: dict[str, Any]) -> str:
    """The model card of a bundle in Markdown.

    Args:
        bundle: What it describes.
        metrics: Its metrics on the test images, as `classification_metrics` gives them.
        data: The dataset card.
    """
    source, network = get_source(data["source"]), bundle.network.metadata
    total, single = measures(metrics)
    several = bundle.thresholds is not None
    question = "any of these classes" if several else f"one of {len(bundle.class_names)} classes"
    options = "".join(f", {option} {value}" for option, value in network["options"].items())
    size = bundle.transform.size
    pixels = f"{size} × {size} pixels"
    if network["input_size"]:
        pixels += f", for the network resized to {network['input_size']}"
    trained = data["splits"]["train"]
    return f"""# {bundle.name}: {bundle.method}

| | |
|---|---|
| answers | {question}: {", ".join(bundle.class_names)} |
| network | {network["backbone"]}{options} |
| classifier | {_classifier(bundle)} |
| input | any picture; its largest centred square at {pixels} |
| training data | {source.title}: {trained:,} images; {source.citation or "no citation"} |
| test {in_words(total)}{_of_one_class(bundle, metrics)} | {test_score(metrics)} |
| {_trivial(metrics)} |

## Intended use

To sort pictures like those of the training data into the classes above. `docs/prediction.md` tells
how to predict a folder, serve it over HTTP and export it. In Python:

```python
from graft.bundle import load_bundle

bundle = load_bundle("path/to/this/folder")
answer = bundle.predict(["one.png", "two.jpg"])
answer.labels, answer.scores, answer.errors
```

## Limits

{_limits(bundle, data)}

## {in_words(single).capitalize()} by class

{class_table(metrics)}

## Training

{_training(bundle)}

## Provenance

{_provenance(bundle)}
"""


def _classifier(bundle: Bundle) -> str:
    if bundle.probe is None:
        return "the network's own head"
    name = "linear probe" if bundle.probabilistic else "support vector machine"
    taps = ", ".join(bundle.probe.taps)
    return f"{name} on the network's features ({taps}; grid {bundle.probe.grid})"


def _of_one_class(bundle: Bundle, metrics: dict[str, Any]) -> str:
    """Where the machine of a run is binary, networks are judged on its question, too."""
    if tuple(metrics["class_names"]) == bundle.class_names:
        return ""
    return f", of “{metrics['positive_class']}” or not"


def _trivial(metrics: dict[str, Any]) -> str:
    """What one gets without looking at the picture."""
    if "majority_baseline" in metrics:
        answer = f"always answering “{metrics['majority_class']}”"
        return f"{answer} | {percent(metrics['majority_baseline'])} of them"
    return f"the same answer to every picture | {percent(metrics['prevalence_baseline'])}"


def _limits(bundle: Bundle, data: dict[str, Any]) -> str:
    lines = [
        "It knows nothing but these classes, and answers with them whatever it is shown.",
        "The score is that on images of the same source as the training images. Other cameras, "
        "other light and other choices of pictures usually cost some of it.",
        "Only the largest centred square of a picture is looked at.",
    ]
    if not bundle.probabilistic:
        lines.append("It gives decision values, which rank pictures; they are no probabilities.")
    elif bundle.temperature == 1.0:
        lines.append("Its probabilities are not calibrated, and usually too sure.")
    else:
        lines.append(
            f"Its probabilities are those at the temperature {bundle.temperature:.3f}, which was "
            "fitted on validation images."
        )
    counts = data["images_per_class"]["train"]
    few = [f"{name} ({count})" for name, count in counts.items() if count < FEW_IMAGES]
    if few:
        lines.append(f"Classes that were learnt from few images: {', '.join(few)}.")
    return "\n".join(f"* {line}" for line in lines)


def _training(bundle: Bundle) -> str:
    if bundle.probe is None:
        metadata = bundle.network.metadata
        begun_with = metadata["initial_weights"]
        return recipe(metadata, "random weights" if begun_with == "none" else begun_with)
    metadata = bundle.probe.classifier.metadata
    constants = ", ".join(f"{k} {v}" for k, v in metadata["recipe"].items() if v is not None)
    return (
        f"The network is as its weights made it; the classifier on its features was fitted on "
        f"{metadata['training_images']:,} images, seed {metadata['seed']}: {constants}."
    )


def _provenance(bundle: Bundle) -> str:
    return "\n".join(f"* {in_words(key)}: {value}" for key, value in bundle.provenance.items())
