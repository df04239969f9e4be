"""sweep.json: all points of a sweep in one file, for the table, the figure and other programs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from textvae.evaluation.evaluator import COPY, HUMAN
from textvae.evaluation.frontier import on_frontier
from textvae.evaluation.results import ALL

FILE = "sweep.json"


def point_row(name: str, folder: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """A scored point: its settings, measures over all directions and in each, speed."""
    rows = [row for row in metrics["rows"] if row["system"] not in (COPY, HUMAN)]
    return {
        "name": name,
        "settings": metrics["point"],
        "state": "scored",
        "folder": folder,
        "decoding": metrics["decoding"],
        "speed": metrics["speed"],
        "sentences": next(row["sentences"] for row in rows if row["direction"] == ALL),
        "measures": next(row["measures"] for row in rows if row["direction"] == ALL),
        "directions": {row["direction"]: row["measures"] for row in rows if row["direction"] != ALL},
    }


def lost_row(name: str, folder: str, settings: Mapping[str, Any], state: str, why: str) -> dict[str, Any]:
    """A point without numbers: state says diverged or failed, error why."""
    return {"name": name, "settings": dict(settings), "state": state, "folder": folder, "error": why}


def summary(
    facts: Mapping[str, Any], points: Sequence[Mapping[str, Any]], scored: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What sweep.json holds. facts: of the sweep; points: rows in order; scored: metrics of those that have any."""
    baselines = {
        row["system"]: row["measures"]
        for metrics in scored[:1]
        for row in metrics["rows"]
        if row["system"] in (COPY, HUMAN) and row["direction"] == ALL
    }
    return {
        **facts,
        "settings": scored[0]["settings"] if scored else {},
        "baselines": baselines,
        "points": marked(points),
    }


def marked(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The points with `on_frontier`: no other has more accuracy and at least as much BLEU, or the other way round.

    BLEU against references where there are any, else against the input.
    """
    references = any(value_of(point, "ref_bleu") is not None for point in points if point["state"] == "scored")
    kind = "ref_bleu" if references else "self_bleu"
    return mark(points, lambda point: (value_of(point, "accuracy") or 0.0, value_of(point, kind) or 0.0))


def mark(
    points: Sequence[Mapping[str, Any]], merits: Callable[[Mapping[str, Any]], tuple[float, float] | None]
) -> list[dict[str, Any]]:
    """The points with `on_frontier`. merits: two numbers of a scored point, more is better, or None."""
    pairs = [(point, found) for point in points if point["state"] == "scored" and (found := merits(point)) is not None]
    wins = on_frontier([found for _, found in pairs])
    best = {id(point) for (point, _), won in zip(pairs, wins, strict=True) if won}
    return [{**point, "on_frontier": id(point) in best} for point in points]


def value_of(point: Mapping[str, Any], measure: str) -> float | None:
    """A measure of a scored point."""
    found = point["measures"].get(measure)
    return None if found is None else found["value"]


def checksum_of_test_set(texts: Iterable[str]) -> str:
    """sha256 of test sentences without their spaces and their order: another tokenisation is the same test set."""
    lines = sorted("".join(text.split()) for text in texts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
