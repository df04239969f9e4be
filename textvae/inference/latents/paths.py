"""Ways through a latent space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from textvae.errors import UserError

Vectors = np.ndarray
Way = Literal["lerp", "slerp"]

PARALLEL = 1e-6
"""Below this sine of the angle between two vectors there is no arc to follow."""


def lerp(a: Vectors, b: Vectors, t: Vectors) -> Vectors:
    """(1 − t) a + t b: vectors (Z,) and shares (T,) to (T, Z)."""
    return (1 - t)[:, None] * a + t[:, None] * b


def slerp(a: Vectors, b: Vectors, t: Vectors) -> Vectors:
    """sin((1 − t) ω)/sin ω · a + sin(t ω)/sin ω · b, ω the angle between a and b (Shoemake 1985, sec. 3.3).

    In many dimensions the prior's mass lies on a shell, which the straight line leaves and this arc does not (White
    2016, "Sampling generative networks", sec. 2.1). Parallel vectors have no arc: they are joined by a line.
    """
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    cosine = float(np.clip(a @ b / lengths, -1, 1)) if lengths > 0 else 1.0
    omega = np.arccos(cosine)
    if np.sin(omega) < PARALLEL:
        return lerp(a, b, t)
    first, second = np.sin((1 - t) * omega) / np.sin(omega), np.sin(t * omega) / np.sin(omega)
    return first[:, None] * a + second[:, None] * b


WAYS: dict[str, Callable[[Vectors, Vectors, Vectors], Vectors]] = {"lerp": lerp, "slerp": slerp}


def between(a: Vectors, b: Vectors, steps: int, way: str = "lerp") -> Vectors:
    """`steps` vectors from a to b, both ends among them: (Z,) and (Z,) to (steps, Z)."""
    if steps < 2:
        raise UserError(f"an interpolation has at least 2 steps, its ends, not {steps}")
    if way not in WAYS:
        raise UserError(f"a way is one of {', '.join(WAYS)}, not {way!r}")
    return WAYS[way](a.astype(np.float64), b.astype(np.float64), np.linspace(0, 1, steps)).astype(np.float32)
