"""Features of images as points of a plane, by principal components and by t-SNE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_COMPONENTS = 50  # that t-SNE starts from: van der Maaten and Hinton 2008 take 30


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """N images in two planes.

    Attributes:
        components: float64 (N, 2), the first two principal components. Distances mean something.
        explained: float64 (2,), their shares of the features' variance.
        neighbours: float64 (N, 2), by t-SNE: who is next to whom means something, how far apart
            groups lie does not.
    """

    components: np.ndarray
    explained: np.ndarray
    neighbours: np.ndarray


def map_features(features: np.ndarray, seed: int) -> FeatureMap:
    """PCA and t-SNE (van der Maaten and Hinton 2008) of standardised features.

    Takes about 4 s of a processor for 1,500 images.

    Args:
        features: float32 (N, D), at least 3 images; a column that does not vary adds nothing.
        seed: Of t-SNE's optimisation.

    Raises:
        ValueError: Fewer than 3 images.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    images = len(features)
    if images < 3:
        raise ValueError(f"a map of features needs at least 3 images, not {images}")
    deviation = features.std(axis=0, dtype=np.float64)
    standardised = (features - features.mean(axis=0, dtype=np.float64)) / np.where(
        deviation > 0, deviation, 1.0
    )
    if not standardised.any():  # all images alike, which scikit-learn's t-SNE does not survive
        return FeatureMap(np.zeros((images, 2)), np.zeros(2), np.zeros((images, 2)))
    pca = PCA(min(_COMPONENTS, *standardised.shape), random_state=seed)
    projected = pca.fit_transform(standardised)
    if projected.shape[1] < 2:
        projected = np.pad(projected, ((0, 0), (0, 1)))
    explained = np.append(pca.explained_variance_ratio_, 0.0)[:2]
    # The usual perplexity of 30 where there are images enough for it.
    perplexity = min(30.0, (images - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed, max_iter=500)
    neighbours = np.asarray(tsne.fit_transform(projected), dtype=np.float64)
    return FeatureMap(projected[:, :2], explained, neighbours)
