"""Bootstrap over sentences, the same resamples for every system (Koehn 2004, "Statistical significance tests
for machine translation evaluation").
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CHUNK_CELLS = 2_000_000


class Interval(NamedTuple):
    """A measure and the ends of its percentile bootstrap interval; nan where undefined."""

    value: float
    low: float
    high: float


def resampled_sums(statistics: np.ndarray, groups: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Sums of the rows of `statistics` (N, K) over bootstrap resamples, per group: (R, G, K).

    Each group (a direction) is resampled by itself, so that its share of the whole stays what it is; the sum
    over groups is a resample of everything. Draws depend on the seed, the group and its size alone: systems
    laid side by side in the columns, or scored in another run on the same sentences, are resampled alike.
    """
    result = np.zeros((resamples, int(groups.max(initial=-1)) + 1, statistics.shape[1]))
    for group in range(result.shape[1]):
        rows = statistics[groups == group]
        rng = np.random.default_rng([seed, group])
        step = max(1, CHUNK_CELLS // max(1, len(rows)))
        for start in range(0, resamples if len(rows) else 0, step):
            count = min(step, resamples - start)
            drawn = rng.integers(0, len(rows), (count, len(rows))) + len(rows) * np.arange(count)[:, None]
            weights = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
            result[start : start + count, group] = weights @ rows
    return result


def interval(value: float, samples: np.ndarray, confidence: float) -> Interval:
    """Percentile interval of `samples` (R,) for the estimate `value`; samples that are nan are left out."""
    known = samples[~np.isnan(samples)]
    if np.isnan(value) or not len(known):
        return Interval(float(value), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(value), float(low), float(high))
