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


@dataclass(frozen=True)
class Plane:
    """The two directions in which N points of a space vary most, and how they are drawn in the unit square.

    centre: (Z,) mean of the points; axes: (2, Z) orthonormal rows, zeros where there is no second direction;
    middle: (2,) on the plane, drawn at (.5, .5); scale: length that is drawn as 1; share: of the variance kept.
    """

    centre: np.ndarray
    axes: np.ndarray
    middle: np.ndarray
    scale: float
    share: float

    @classmethod
    def fit(cls, values: np.ndarray) -> Plane:
        """Of points (N, Z), at least two."""
        from sklearn.decomposition import PCA

        kept = min(2, *values.shape)
        fitted = PCA(kept, random_state=SEED).fit(values)
        axes = np.zeros((2, values.shape[1]))
        axes[:kept] = fitted.components_
        flat = (values - fitted.mean_) @ axes.T
        low, high = flat.min(0), flat.max(0)
        share = float(np.nan_to_num(fitted.explained_variance_ratio_).sum())
        return cls(fitted.mean_, axes, (low + high) / 2, float((high - low).max()) or 1.0, share)

    def draw(self, values: np.ndarray) -> np.ndarray:
        """Where points (N, Z) are drawn: (N, 2), inside the unit square for those it was fitted to."""
        return 0.5 + ((values - self.centre) @ self.axes.T - self.middle) / self.scale

    def moved(self, value: np.ndarray, place: np.ndarray) -> np.ndarray:
        """A point (Z,) moved along the plane until it is drawn at `place` (2,); what the plane does not show stays."""
        return value + (place - self.draw(value[None])[0]) * self.scale @ self.axes


def pca(space: str, values: np.ndarray) -> Map:
    """The two directions in which the means vary most."""
    plane = Plane.fit(values)
    return Map(space, "PCA", plane.draw(values), f"{plane.share:.0%} of the variance")


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
