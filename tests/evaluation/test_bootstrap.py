"""Bootstrap resamples: of the right size, per direction, alike for all systems."""

from __future__ import annotations

import numpy as np
import pytest

from textvae.evaluation import bootstrap
from textvae.evaluation.bootstrap import interval, resampled_sums

GROUPS = np.array([0, 1, 0, 1, 1, 0, 1])
VALUES = np.random.default_rng(0).normal(size=(7, 3))


def test_each_group_keeps_its_size() -> None:
    sums = resampled_sums(np.ones((7, 1)), GROUPS, 50, seed=0)
    assert sums.shape == (50, 2, 1)
    assert (sums[:, 0, 0] == 3).all() and (sums[:, 1, 0] == 4).all()


def test_resamples_come_from_their_own_group() -> None:
    markers = np.where(GROUPS == 0, 1.0, 100.0)[:, None]
    sums = resampled_sums(markers, GROUPS, 50, seed=0)
    assert (sums[:, 0] == 3).all() and (sums[:, 1] == 400).all()


def test_systems_side_by_side_are_resampled_alike() -> None:
    twice = resampled_sums(np.hstack([VALUES, VALUES]), GROUPS, 50, seed=0)
    np.testing.assert_allclose(twice[:, :, :3], twice[:, :, 3:])
    alone = resampled_sums(VALUES[:, :1], GROUPS, 50, seed=0)
    np.testing.assert_allclose(alone, twice[:, :, :1])
    assert not np.allclose(alone, resampled_sums(VALUES[:, :1], GROUPS, 50, seed=1))


def test_chunks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = resampled_sums(VALUES, GROUPS, 50, seed=0)
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 9)
    np.testing.assert_allclose(resampled_sums(VALUES, GROUPS, 50, seed=0), whole)


def test_deviation_of_a_mean_is_that_of_theory() -> None:
    """The bootstrap variance of a mean is the sample variance over n (Efron 1979)."""
    values = np.random.default_rng(1).normal(size=(400, 1))
    means = resampled_sums(values, np.zeros(400, int), 2000, seed=0)[:, 0, 0] / 400
    assert means.std() == pytest.approx(values.std() / 20, rel=0.1)
    found = interval(float(values.mean()), means, 0.95)
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_interval_without_values() -> None:
    assert np.isnan(interval(float("nan"), np.array([1.0]), 0.95)[1:]).all()
    empty = interval(3.0, np.array([]), 0.95)
    assert empty.value == 3 and np.isnan(empty.low)
    assert interval(3.0, np.array([2.0, np.nan, 4.0]), 0.95).high == pytest.approx(3.95)


def test_no_resamples() -> None:
    assert resampled_sums(VALUES, GROUPS, 0, seed=0).shape == (0, 2, 3)
