"""Lines and arcs through a space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from textvae.inference.latents.paths import between, lerp, slerp

VECTORS = arrays(np.float64, 5, elements=st.floats(-10, 10, width=32))


def test_golden() -> None:
    a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    np.testing.assert_allclose(lerp(a, b, np.array([0.25])), [[0.75, 0.25]])
    np.testing.assert_allclose(slerp(a, b, np.array([0.5])), [[np.sqrt(0.5), np.sqrt(0.5)]])
    third = slerp(a, b, np.array([1 / 3]))[0]
    np.testing.assert_allclose(third, [np.cos(np.pi / 6), np.sin(np.pi / 6)])


@given(VECTORS, VECTORS, st.sampled_from(["lerp", "slerp"]), st.integers(2, 9))
def test_both_ends_are_kept_and_nothing_is_infinite(a: np.ndarray, b: np.ndarray, way: str, steps: int) -> None:
    found = between(a, b, steps, way)
    assert found.shape == (steps, 5) and np.isfinite(found).all()
    np.testing.assert_allclose(found[0], a, atol=1e-4)
    np.testing.assert_allclose(found[-1], b, atol=1e-4)


@given(VECTORS, VECTORS)
def test_an_arc_between_vectors_of_one_length_keeps_it(a: np.ndarray, b: np.ndarray) -> None:
    if min(np.linalg.norm(a), np.linalg.norm(b)) < 1e-3:
        return
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    if abs(a @ b) > 0.999:
        return
    np.testing.assert_allclose(np.linalg.norm(between(a, b, 7, "slerp"), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("b", [np.array([2.0, 0.0]), np.array([-1.0, 0.0]), np.zeros(2)])
def test_without_an_angle_the_arc_is_the_line(b: np.ndarray) -> None:
    a, t = np.array([1.0, 0.0]), np.linspace(0, 1, 5)
    np.testing.assert_allclose(slerp(a, b, t), lerp(a, b, t))
