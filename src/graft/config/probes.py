"""The schema of features and of what is fitted on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graft.config.section import Count, Name, Positive, Section

Folds = Annotated[int, Field(ge=2)]
Prices = Annotated[list[Positive], Field(min_length=1)]


class Features(Section):
    taps: Annotated[list[Name], Field(min_length=1)]
    grid: Annotated[int, Field(ge=1, le=16)]
    batch_size: Count | None


class SVMSearch(Section):
    C: Prices
    gamma: Prices
    folds: Folds


class SVM(Section):
    kernel: Literal["linear", "rbf"]
    C: Literal["auto"] | Positive
    gamma: Literal["scale", "auto"] | Positive
    positive_class: Name | None
    class_weight: Literal["balanced"] | None
    approximation: Literal["auto", "exact", "nystroem"]
    landmarks: Count
    onedal: Literal["auto", "never"]
    search: SVMSearch


class LinearProbeSearch(Section):
    C: Prices
    folds: Folds


class LinearProbe(Section):
    C: Literal["auto"] | Positive
    class_weight: Literal["balanced"] | None
    search: LinearProbeSearch


class KNNSearch(Section):
    neighbours: Annotated[list[Count], Field(min_length=1)]
    folds: Folds


class KNN(Section):
    neighbours: Literal["auto"] | Count
    metric: Literal["cosine", "euclidean"]
    weights: Literal["uniform", "distance"]
    search: KNNSearch


class Candidate(Section):
    backbone: Name
    weights: Name
    input_size: Annotated[int, Field(ge=8)] | None = None  # images as stored


class BackboneSelection(Section):
    candidates: Annotated[list[Candidate], Field(min_length=1)]
    images: Annotated[int, Field(ge=20)] | None
    taps: Annotated[list[Name], Field(min_length=1)]
    folds: Folds
