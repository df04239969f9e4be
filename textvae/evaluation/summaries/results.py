"""The result of an evaluation of summaries: measures with intervals, as a table for people and JSON for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textvae.evaluation.bootstrap import Interval, interval
from textvae.evaluation.summaries.alarms import Alarm
from textvae.files import write_json

COLUMNS = {
    "mean_length": "words",
    "rouge_1": "R-1",
    "rouge_2": "R-2",
    "rouge_l": "R-L",
    "perplexity": "PPL",
    "unknown_rate": "unk",
    "novelty_1": "new 1",
    "novelty_2": "new 2",
    "names_kept": "names kept",
    "names_invented": "made up",
    "lead_rate": "lead",
}
WITH_SPREAD = frozenset({"rouge_1", "rouge_2", "rouge_l"})


@dataclass(frozen=True)
class SummaryRow:
    """One system: measure -> value and interval (nan where none was taken)."""

    system: str
    measures: Mapping[str, Interval]


@dataclass(frozen=True)
class SummaryEvaluation:
    """Rows of a system with the baselines beside it, and what is needed to repeat them."""

    rows: tuple[SummaryRow, ...]
    settings: Mapping[str, Any]
    alarms: tuple[Alarm, ...] = ()
    symptoms: Mapping[str, float] = field(default_factory=dict)
    """All that the alarms go by (see `symptoms.measure`), for the system alone."""
    samples: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict, repr=False)
    """(system, measure) -> its values over the bootstrap resamples (R,), aligned between systems."""

    def row(self, system: str) -> SummaryRow:
        """The row of `system`; KeyError if there is none."""
        for row in self.rows:
            if row.system == system:
                return row
        raise KeyError(f"no row {system!r}")

    def difference(self, measure: str, system: str, other: str) -> Interval:
        """`system` minus `other` with a paired bootstrap interval: documents vary together in both."""
        value = self.row(system).measures[measure].value - self.row(other).measures[measure].value
        samples = self.samples[system, measure] - self.samples[other, measure]
        return interval(value, samples, self.settings["confidence"])

    def to_dict(self) -> dict[str, Any]:
        """JSON without NaN: an undefined value is null."""
        rows = [
            {
                "system": row.system,
                "measures": {
                    name: {key: _json(number) for key, number in found._asdict().items()}
                    for name, found in row.measures.items()
                },
            }
            for row in self.rows
        ]
        return {
            "rows": rows,
            "alarms": [asdict(alarm) for alarm in self.alarms],
            "symptoms": {name: _json(value) for name, value in self.symptoms.items()},
            "settings": dict(self.settings),
        }

    def save(self, path: str | Path) -> None:
        """Write `to_dict()` as one JSON file, atomically."""
        write_json(path, self.to_dict())

    def table(self) -> str:
        """Plain text: a row per system, how it was measured, and the alarms. ± is half the width of the interval."""
        labels: Mapping[str, str] = self.settings["shown"]
        shown = [self.row(system) for system in labels]
        columns = [
            key for key in COLUMNS if any(math.isfinite(r.measures[key].value) for r in shown if key in r.measures)
        ]
        lines = [["", *(COLUMNS[key] for key in columns)]]
        lines += [[labels[row.system], *(_cell(key, row.measures.get(key)) for key in columns)] for row in shown]
        warnings = [f"WARNING: {alarm.sentence}" for alarm in self.alarms]
        return "\n".join([*_align(lines), "", *self.settings["notes"], *warnings])


def _json(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def _cell(measure: str, found: Interval | None) -> str:
    if found is None or not math.isfinite(found.value):
        return "-"
    spread = measure in WITH_SPREAD and math.isfinite(found.low)
    return f"{found.value:.1f} ±{(found.high - found.low) / 2:.1f}" if spread else f"{found.value:.1f}"


def _align(lines: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs)
        ).rstrip()
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
