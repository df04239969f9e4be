"""Draws of vectors: numbers that no batch shows in, and the Gaussian of a corpus."""

from __future__ import annotations

import numpy as np

from textvae.errors import UserError


class GaussianSum:
    """Mean and covariance of vectors that come in blocks: the sums of x and x xᵀ in float64."""

    def __init__(self, size: int):
        self.count, self.total, self.square = 0, np.zeros(size), np.zeros((size, size))

    def add(self, vectors: np.ndarray) -> None:
        """Take in vectors (n, Z)."""
        wide = vectors.astype(np.float64)
        self.count += len(wide)
        self.total += wide.sum(0)
        self.square += wide.T @ wide

    @property
    def mean(self) -> np.ndarray:
        """(Z,)."""
        if self.count < 2:
            raise UserError(f"a distribution cannot be fitted to {self.count} sentences; give at least 2, better 1,000")
        return self.total / self.count

    def covariance(self) -> np.ndarray:
        """(Z, Z), of the sample (divided by n − 1)."""
        return (self.square - self.count * np.outer(self.mean, self.mean)) / (self.count - 1)

    def factor(self) -> np.ndarray:
        """(Z, Z) matrix F with Fᵀ F = the covariance, whatever its rank: ε F ~ N(0, covariance) for ε ~ N(0, I)."""
        values, vectors = np.linalg.eigh(self.covariance())
        found: np.ndarray = (vectors * np.sqrt(values.clip(min=0))).T
        return found


def normal(first: int, count: int, size: int, seed: int) -> np.ndarray:
    """ε (count, size): draws number `first` and following, each from its own seed, so that no batch shows in them."""
    return np.stack([np.random.default_rng([seed, first + i]).standard_normal(size) for i in range(count)])
