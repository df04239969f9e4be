"""sweep.json: all points of a sweep in one file, for the table, the figure and other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from textvae.evaluation.evaluator import COPY, HUMAN
from textvae.evaluation.frontier import on_frontier
from textvae.evaluation.results import ALL
from textvae.experiment.attributes import OUTPUTS

FILE = "sweep.json"
OF_ONE = "accuracy_of_"
"""How measures begin that are of one attribute of several."""


def point_row(name: str, folder: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """A scored point: its settings, measures over all directions and in each, speed.

    With several attributes those of `joint_measures`, and none by direction.
    """
    rows = [row for row in metrics["rows"] if row["system"] not in (COPY, HUMAN)]
    single = "joint" not in metrics
    return {
        "name": name,
        "settings": metrics["point"],
        "state": "scored",
        "folder": folder,
        "decoding": metrics["decoding"],
        "speed": metrics["speed"],
        "sentences": next(row["sentences"] for row in rows if row["direction"] == ALL),
        "measures": next(measures_of(row, metrics) for row in rows if row["direction"] == ALL),
        "directions": {row["direction"]: row["measures"] for row in rows if single and row["direction"] != ALL},
    }


def measures_of(row: Mapping[str, Any], metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """Measures of a row. With several attributes an output is accurate where each has the label it should, also those
    that were to be kept: accuracy, of the mean of the judges and of each; accuracy_of_NAME is of one attribute alone.
    """
    if not (isinstance(metrics.get("joint"), dict) and isinstance(metrics.get("accuracy"), dict)):
        found: Mapping[str, Any] = row["measures"]
        return found
    own = row["system"] not in (COPY, HUMAN)
    judges = metrics["joint"].get(OUTPUTS if own else row["system"], {})
    values = {f"accuracy_{judge}": value for judge, value in judges.items()}
    if judges:
        values["accuracy"] = fmean(judges.values())
    if own:
        values |= {f"{OF_ONE}{name}": fmean(found.values()) for name, found in metrics["accuracy"].items()}
    kept = {n: v for n, v in row["measures"].items() if not n.startswith(("accuracy", "geometric", "harmonic"))}
    return {name: {"value": round(value, 2), "low": None, "high": None} for name, value in values.items()} | kept


def lost_row(name: str, folder: str, settings: Mapping[str, Any], state: str, why: str) -> dict[str, Any]:
    """A point without numbers: state says diverged or failed, error why."""
    return {"name": name, "settings": dict(settings), "state": state, "folder": folder, "error": why}


def summary(
    facts: Mapping[str, Any], points: Sequence[Mapping[str, Any]], scored: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What sweep.json holds. facts: of the sweep; points: rows in order; scored: metrics of those that have any."""
    baselines = {
        row["system"]: measures_of(row, metrics)
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
