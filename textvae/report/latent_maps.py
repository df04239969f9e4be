"""Two-dimensional maps of latent spaces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SEED = 0
ITERATIONS = 500
"""Half of what is usual: from PCA, a thousand points have settled by then, and t-SNE is most of a page's time."""
FEWEST = 5
"""Sentences below which there is nothing to project."""


@dataclass(frozen=True)
class Map:
    """points: (N, 2), scaled into [0, 1]; note: what the projection keeps."""

    space: str
    method: str
    points: np.ndarray
    note: str


def maps(means: dict[str, np.ndarray]) -> list[Map]:
    """PCA and t-SNE of every space's means (N, Z); none below five sentences."""
    found = []
    for space, values in means.items():
        if len(values) < FEWEST:
            continue
        if np.ptp(values, axis=0).max() < 1e-6:  # scikit-learn's t-SNE crashes on points that are all the same
            found.append(Map(space, "collapsed", np.full((len(values), 2), 0.5), "every sentence is at the same point"))
        else:
            found += [pca(space, values), tsne(space, values)]
    return found


def pca(space: str, values: np.ndarray) -> Map:
    """The two directions in which the means vary most."""
    from sklearn.decomposition import PCA

    kept = min(2, values.shape[1])
    fitted = PCA(kept, random_state=SEED).fit(values)
    points = np.zeros((len(values), 2))
    points[:, :kept] = fitted.transform(values)
    share = float(np.nan_to_num(fitted.explained_variance_ratio_).sum())
    return Map(space, "PCA", unit(points), f"{share:.0%} of the variance")


def tsne(space: str, values: np.ndarray) -> Map:
    """Neighbours stay neighbours, distances mean little (van der Maaten & Hinton 2008); started from PCA."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    wide = PCA(50, random_state=SEED).fit_transform(values) if min(values.shape) > 50 else values  # as its authors do
    perplexity = min(30.0, (len(values) - 1) / 3)
    start = "pca" if values.shape[1] > 1 else "random"
    settings = {"init": start, "random_state": SEED, "max_iter": ITERATIONS, "n_jobs": 1}
    points = TSNE(2, perplexity=perplexity, **settings).fit_transform(wide)
    return Map(space, "t-SNE", unit(points), f"perplexity {perplexity:.0f}; distances mean little")


def unit(points: np.ndarray) -> np.ndarray:
    """Points (N, 2) moved and scaled, both axes alike, into the unit square; centred in it."""
    low, high = points.min(0), points.max(0)
    size = float((high - low).max()) or 1.0
    return 0.5 + (points - (low + high) / 2) / size
