"""Evaluated runs among published systems: points of a figure, and a table that keeps their judge apart from ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textvae.evaluation.results import COLUMNS
from textvae.extras.report.comparison import Measure, system_rows
from textvae.extras.report.published import Published, PublishedSystem, published
from textvae.extras.report.records import RunRecord, look_up, number
from textvae.extras.report.sweep import Sweep, SweepPoint
from textvae.extras.report.tables import Row, Table, columns, means_once, read

HEADS = {"accuracy": "ACC", **COLUMNS}
MEASURED = ("accuracy", "self_bleu", "ref_bleu", "perplexity", "copy_rate")


@dataclass(frozen=True)
class Standing:
    """What a page shows of runs and published systems on one test set; sweep: for the figure."""

    table: Table
    sweep: Sweep
    note: str


def standing(records: Sequence[RunRecord], names: Sequence[str], test_sets: Sequence[str | None]) -> Standing | None:
    """None where no run was evaluated on a test set that has published numbers; runs on other test sets are left out.

    test_sets: checksum of each run's test sentences where its evaluation does not tell it; None: not known.
    """
    shown = [look_up(r.evaluation, "test_set") or known for r, known in zip(records, test_sets, strict=True)]
    places = [n for n, test_set in enumerate(shown) if published(test_set) and all_directions(records[n])]
    found = published(shown[places[0]]) if places else None
    if found is None:
        return None
    places = [n for n in places if shown[n] == shown[places[0]]]
    (_, *others), evaluation = all_directions(records[places[0]]), records[places[0]].evaluation
    sweep = Sweep(
        title=found.data.partition(",")[0],
        split="test",
        axes=(),
        points=tuple(point(names[n], all_directions(records[n])[0]) for n in places),
        baselines={str(row["system"]): read(row) for row in others},
        judges={str(k): number(v) for k, v in (look_up(evaluation, "settings.judges") or {}).items()},
        published=found,
    )
    return Standing(published_table(found), sweep, found.note)


def all_directions(record: RunRecord) -> list[dict[str, Any]]:
    """Rows over all directions of a style run's evaluation, the run's own first; [] where it has none."""
    rows = [row for row in system_rows(record.evaluation) if row.get("direction", "all") == "all"]
    return rows if record.task == "style_transfer" else []


def point(name: str, row: Mapping[str, Any]) -> SweepPoint:
    """A run as a point by itself."""
    return SweepPoint({"run": name}, "scored", "", True, read(row), None)


def published_table(found: Published) -> Table:
    """Systems by accuracy, with the weights that they began with."""
    systems = sorted(found.systems, key=lambda system: -system.accuracy)
    rows = [Row(system_name(system), None, measures(system)) for system in systems]
    return Table("Published on the same test set", means_once(columns(HEADS, rows)), rows)


def system_name(system: PublishedSystem) -> str:
    """`LEWIS, pretrained`."""
    return system.name if system.weights == "none" else f"{system.name}, {system.weights}"


def measures(system: PublishedSystem) -> dict[str, Measure]:
    """Values without intervals."""
    return {name: Measure(getattr(system, name)) for name in MEASURED}
