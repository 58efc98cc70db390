"""A classifier with all that it takes to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.bundle.prediction import BatchPrediction
from graft.bundle.transform import Transform, as_content

if TYPE_CHECKING:
    import torch

    from graft.bundle.transform import GivenImage
    from graft.compute import Compute
    from graft.images.decoder import Content
    from graft.images.listing import Pixels
    from graft.models.classifier import Classifier
    from graft.probes.linear_probe import LinearProbe
    from graft.probes.svm import SVMClassifier
    from graft.training.checkpoint import Checkpoint

    Track = Callable[[Iterable[Any], str, int], Iterable[Any]]


@dataclass(frozen=True, eq=False)
class Probe:
    """A classifier on features of the network, and which features these are.

    Attributes:
        classifier: A support vector machine, or a linear probe.
        taps: Where the network is tapped, as for `graft.probes.extraction`.
        grid: Cells a side that a stage's output is averaged over.
    """

    classifier: SVMClassifier | LinearProbe
    taps: tuple[str, ...]
    grid: int

    @property
    def kind(self) -> str:
        """Either "linear_probe", with probabilities, or "svm", with decision values."""
        from graft.probes.linear_probe import LinearProbe

        return "linear_probe" if isinstance(self.classifier, LinearProbe) else "svm"


@dataclass(frozen=True, eq=False)
class Bundle:
    """What `load_bundle` returns, and a pipeline saves.

    Attributes:
        name: The experiment that it comes from.
        method: What tables call the classifier, such as "fine-tuned".
        transform: How a file becomes pixels.
        network: Weights and metadata; the metadata hold the training's recipe, too.
        class_names: K names of what it answers.
        thresholds: Of each class the score above which it is present, where an image may show
            several; None where it shows one.
        probe: What answers in place of the network's head; None where the head does.
        temperature: By which a network's logits are divided; 1 unless it was calibrated.
        provenance: JSON types: data, seed, command, versions.
        card: The model card in Markdown.
        compute: Where to compute; None for what the machine has.
    """

    name: str
    method: str
    transform: Transform
    network: Checkpoint
    class_names: tuple[str, ...]
    thresholds: tuple[float, ...] | None = None
    probe: Probe | None = None
    temperature: float = 1.0
    provenance: dict[str, Any] = field(default_factory=dict)
    card: str = ""
    compute: Compute | None = None

    def predict(self, images: GivenImage | Sequence[GivenImage]) -> BatchPrediction:
        """Classify images.

        Args:
            images: Paths, encoded files as bytes, or uint8 pixels (H, W) or (H, W, 3): one, or a
                list of them. What is wrong with one is told in `errors` and stops no other.

        Returns:
            An answer for each, called by its path or by its number from 0.
        """
        listed = _as_list(images)
        ids = [str(im) if isinstance(im, str | Path) else str(k) for k, im in enumerate(listed)]
        return self.predict_from(lambda row: as_content(listed[row]), ids)

    def predict_from(
        self,
        read: Callable[[int], Content],
        ids: Sequence[str],
        track: Track | None = None,
    ) -> BatchPrediction:
        """Classify images of which a few at a time are read.

        Args:
            read: From a row to an encoded file's bytes or uint8 pixels; called from several
                threads at once. What it raises becomes the image's error.
            ids: What the images are called.
            track: Shows progress, as `graft.progress.track` does; None shows none.
        """
        scores = np.full((len(ids), len(self.class_names)), np.nan, dtype=np.float32)
        errors: list[str] = []
        everything = range(len(ids))
        rows = iter(track(everything, "Predicting", len(ids)) if track else everything)
        for pixels, outcomes in self.transform.decode(read, len(ids)):
            usable = [
                row
                for row, outcome in zip(islice(rows, len(outcomes)), outcomes, strict=True)
                if not outcome.reason
            ]
            if usable:
                scores[usable] = self.scores(pixels)
            errors += [outcome.reason for outcome in outcomes]
        next(rows, None)  # so that the bar is finished, too
        return BatchPrediction(
            ids=tuple(ids),
            scores=scores,
            errors=tuple(errors),
            class_names=self.class_names,
            thresholds=self.thresholds,
            probabilistic=self.probabilistic,
        )

    @property
    def probabilistic(self) -> bool:
        """Whether its scores are probabilities: all but a support vector machine's are."""
        return self.probe is None or self.probe.kind != "svm"

    def scores(self, pixels: Pixels) -> np.ndarray:
        """Probabilities, or decision values of a support vector machine: float32 (B, K).

        Args:
            pixels: uint8 (B, S, S, 3), as `transform` gives them.
        """
        import torch

        compute = self._compute
        model = self.classifier
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(compute.device)
        with torch.inference_mode(), compute.autocast():
            found = self._look(model, images.permute(0, 3, 1, 2))
        values = found.float().cpu().numpy()
        return values if self.probe is None else self.probe.classifier.scores(values)

    def _look(self, model: Classifier, images: torch.Tensor) -> torch.Tensor:
        """What the network gives: probabilities (B, K), or the probe's features (B, D)."""
        import torch

        if self.probe is not None:
            from graft.probes.extraction import tap_outputs

            outputs = tap_outputs(model, images, self.probe.taps, self.probe.grid)
            return torch.cat([outputs[tap].float() for tap in self.probe.taps], dim=1)
        return self.probabilities(model(images))

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Of the network's logits (B, K): softmax, or a sigmoid of each where there are several."""
        scaled = logits.float() / self.temperature
        return scaled.sigmoid() if self.thresholds is not None else scaled.softmax(dim=1)

    @cached_property
    def classifier(self) -> Classifier:
        """The network, in evaluation mode, where it computes."""
        from graft.training.checkpoint import restore_classifier

        model = restore_classifier(self.network)
        self._compute.place(model)
        return model.eval()

    @cached_property
    def _compute(self) -> Compute:
        from graft.compute import resolve_compute

        return self.compute or resolve_compute()


def _as_list(images: GivenImage | Sequence[GivenImage]) -> list[GivenImage]:
    if isinstance(images, str | Path | bytes) or (
        isinstance(images, np.ndarray) and images.dtype != object and images.ndim < 4
    ):
        return [images]
    return list(images)
