"""Scores of vectors and words that are high where text does not belong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 512
"""Vectors compared with the bank at once."""


@dataclass(frozen=True)
class Mahalanobis:
    """√((x − μ)ᵀ Σ⁻¹ (x − μ)) to the mean of clean vectors (Lee et al. 2018, "A simple unified framework for detecting
    out-of-distribution samples", sec. 2.1, with one class). mean: (Z,); whiten: (Z, Z), Wᵀ W = Σ⁻¹."""

    mean: np.ndarray
    whiten: np.ndarray

    @classmethod
    def fit(cls, vectors: np.ndarray) -> Mahalanobis:
        """From clean vectors (N, Z), Σ shrunk to a multiple of the identity (Ledoit & Wolf 2004) so that it inverts."""
        from sklearn.covariance import LedoitWolf

        found = LedoitWolf().fit(vectors.astype(np.float64))
        return cls.of(found.location_, found.covariance_)

    @classmethod
    def of(cls, mean: np.ndarray, covariance: np.ndarray) -> Mahalanobis:
        """From moments."""
        values, directions = np.linalg.eigh(covariance)
        values = values.clip(min=max(values.max(), 1.0) * 1e-12)
        return cls(mean.astype(np.float64), (directions / np.sqrt(values)).T)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """(N, Z) → (N,)."""
        found: np.ndarray = np.linalg.norm((vectors - self.mean) @ self.whiten.T, axis=1)
        return found


@dataclass(frozen=True)
class Neighbourhood:
    """Euclidean distance to the k-th nearest of the clean vectors `bank` (N, Z) (Ramaswamy et al. 2000; for deep
    features Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors")."""

    bank: np.ndarray
    k: int

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """(N, Z) → (N,)."""
        return np.concatenate([np.zeros(0), *self.blocks(vectors)])

    def blocks(self, vectors: np.ndarray) -> Iterator[np.ndarray]:
        """A part at a time."""
        from textvae.inference.latents.neighbours import similarities

        k = min(self.k, len(self.bank))
        for begin in range(0, len(vectors), BLOCK):
            distances = -similarities(vectors[begin : begin + BLOCK], self.bank, "l2")
            yield np.partition(distances, k - 1, axis=1)[:, k - 1]


def mutated(lines: Sequence[str], rate: float, seed: int) -> Iterator[str]:
    """Each word of prepared lines replaced with probability `rate` by any word of them (Ren et al. 2019, "Likelihood
    ratios for out-of-distribution detection", sec. 3: what is left is the background that all text shares)."""
    vocabulary = sorted({word for line in lines for word in line.split()})
    rng = np.random.default_rng(seed)
    for line in lines:
        words = line.split()
        drawn = rng.integers(len(vocabulary), size=len(words)) if vocabulary else ()
        hit = rng.random(len(words)) < rate
        yield " ".join(vocabulary[d] if h else w for w, d, h in zip(words, drawn, hit, strict=True))


def threshold(clean: np.ndarray, false_alarms: float) -> float:
    """The score that a further clean line exceeds with probability at most `false_alarms`, clean lines being
    exchangeable: the ⌈(n + 1)(1 − α)⌉-th smallest of n (Vovk et al. 2005; Bates et al. 2023, "Testing for outliers with
    conformal p-values"). Infinite where n is too small to say."""
    place = math.ceil((len(clean) + 1) * (1 - false_alarms) - 1e-9)
    return float("inf") if place > len(clean) else float(np.sort(clean)[max(place, 1) - 1])


def p_values(scores: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """(1 + how many clean scores are at least as high) / (n + 1): (N,) → (N,)."""
    ordered = np.sort(clean)
    higher = len(ordered) - np.searchsorted(ordered, scores, side="left")
    found: np.ndarray = (1 + higher) / (len(ordered) + 1)
    return found
