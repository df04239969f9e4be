"""Which systems no other one beats in everything."""

from __future__ import annotations

from collections.abc import Sequence


def on_frontier(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each of N points (more is better in both) is on the Pareto frontier.

    A point is off it where another is at least as good in both and better in one; equal points stay together.
    """
    return [
        not any(a >= x and b >= y and (a > x or b > y) for a, b in points) for x, y in points
    ]  # N² of a few hundred points: nothing
