"""Where to write the names of crowded points, so that none hides another or a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

RINGS = (7.0, 13.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0)
"""Distances tried, in the unit of the points (pixels)."""
DIRECTIONS = 16


class Box(NamedTuple):
    """A rectangle."""

    left: float
    low: float
    right: float
    high: float

    def overlap(self, other: Box) -> float:
        """Shared area."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.high, other.high) - max(self.low, other.low)
        return max(width, 0.0) * max(height, 0.0)

    def inside(self, frame: Box) -> bool:
        """Whether the frame holds all of it."""
        return (
            self.left >= frame.left and self.right <= frame.right and self.low >= frame.low and self.high <= frame.high
        )


def place_labels(
    points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], frame: Box, radius: float = 4.0
) -> list[Box]:
    """A box for the label of each point, the first ones placed first; sizes: (width, height) of each, (0, 0) for none.

    The nearest place in the frame that hides nothing, else the one that hides least. Cost: N² places, milliseconds for
    a hundred points.
    """
    taken = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    found = []
    for point, size in zip(points, sizes, strict=True):
        if not all(size):
            found.append(Box(*point, *point))
            continue
        best, least = None, math.inf
        for box in places(point, size):
            hidden = sum(box.overlap(other) for other in taken) if box.inside(frame) else math.inf
            if best is None or hidden < least:
                best, least = box, hidden
            if not hidden:
                break
        assert best is not None
        found.append(best)
        taken.append(best)
    return found


def places(point: tuple[float, float], size: tuple[float, float]) -> Iterator[Box]:
    """Boxes around a point, right of it first, then further and further away."""
    (x, y), (width, height) = point, size
    for ring in RINGS:
        for step in sorted(range(DIRECTIONS), key=lambda n: min(n, DIRECTIONS - n)):
            angle = 2 * math.pi * step / DIRECTIONS
            dx, dy = ring * math.cos(angle), ring * math.sin(angle)
            left = x + dx - (0.0 if dx > 1e-9 else width if dx < -1e-9 else width / 2)
            low = y + dy - height / 2
            yield Box(left, low, left + width, low + height)
