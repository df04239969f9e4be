"""Equal error rates in closed form, halves, and raw features."""

from __future__ import annotations

import math

import numpy as np
import pytest

from textvae.extras.documents.verification import equal_error_rate, halves, tf_idf, verification_error


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0, 4.0])
def test_two_normals_cross_where_the_formula_says(distance: float) -> None:
    """N(0, 1) against N(d, 1): the threshold is d / 2, the error Φ(−d / 2)."""
    rng = np.random.default_rng(0)
    same, different = rng.normal(distance, 1, 40_000), rng.normal(0, 1, 60_000)
    expected = 0.5 * math.erfc(distance / 2 / math.sqrt(2))
    assert equal_error_rate(same, different) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("same", "different", "expected"),
    [
        ([2, 3], [0, 1], 0.0),
        ([0, 1], [2, 3], 1.0),
        ([0, 2, 3, 4], [-1, -2, 1, -3], 0.25),  # one of four on the wrong side, both ways
        ([1, 1], [1, 1], 0.5),  # nothing to tell them by
        ([0, 3], [1, 2], 0.5),
    ],
)
def test_small_sets(same: list[float], different: list[float], expected: float) -> None:
    assert equal_error_rate(np.array(same, float), np.array(different, float)) == pytest.approx(expected)


def test_a_change_of_scale_changes_nothing_and_a_change_of_sign_mirrors() -> None:
    rng = np.random.default_rng(1)
    same, different = rng.normal(1, 1, 300), rng.normal(0, 2, 500)
    value = equal_error_rate(same, different)
    assert equal_error_rate(np.exp(same), np.exp(different)) == pytest.approx(value)
    assert equal_error_rate(-same, -different) == pytest.approx(1 - value, abs=0.01)


def test_halves_alternate_within_each_document() -> None:
    assert halves(np.array([0, 1, 0, 0, 1, 2])).tolist() == [0, 0, 1, 0, 1, 0]


def test_verification_finds_the_pairs_of_one_document() -> None:
    rng = np.random.default_rng(2)
    codes = rng.normal(size=(50, 8))
    assert verification_error(codes, codes + 0.01 * rng.normal(size=codes.shape)) < 0.01
    assert verification_error(codes, rng.normal(size=codes.shape)) == pytest.approx(0.5, abs=0.12)
    assert verification_error(codes, 7 * codes) == 0.0  # length does not count


def test_raw_features_weigh_rare_words() -> None:
    train = ["the cat .", "the dog .", "the cow .", "the hen ."]
    first, second = tf_idf(train, ["the cat", "the dog"], ["cat the .", "the hen ."])
    assert first.shape == second.shape == (2, 6)
    similar = first @ second.T
    assert similar[0, 0] > 0.8 and similar[1, 1] < 0.5
