"""Nodes of `backbone_selection`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights
    from graft.probes.feature_cache import FeatureCache

Params = dict[str, Any]


def rank(
    image_store: ImageStore,
    dataset_card: Params,
    candidate_weights: list[Callable[[], BackboneWeights | None]],
    feature_cache: FeatureCache | None,
    backbone_selection: Params,
    compute: Params,
    seed: int,
) -> pd.DataFrame:
    """How good each candidate's features are for these training and validation images."""
    from graft.compute import resolve_compute
    from graft.probes.backbone_selection import Candidate, rank_backbones

    require_same_data(image_store.digest, dataset_card=dataset_card)
    candidates = [
        Candidate(chosen["backbone"], chosen["weights"], load, chosen.get("input_size"))
        for chosen, load in zip(backbone_selection["candidates"], candidate_weights, strict=True)
    ]
    return rank_backbones(
        candidates,
        image_store,
        dataset_mean=dataset_card["channel_mean"],
        dataset_std=dataset_card["channel_std"],
        taps=backbone_selection["taps"],
        images=backbone_selection["images"],
        folds=backbone_selection["folds"],
        compute=resolve_compute(**compute),
        cache=feature_cache,
        seed=seed,
    )


def draw_ranking(backbone_ranking: pd.DataFrame) -> Figure:
    """The candidates' scores beside what they cost."""
    from graft.evaluation.figures import backbone_ranking as draw

    return draw(backbone_ranking)
