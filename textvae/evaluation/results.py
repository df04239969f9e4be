"""The result of an evaluation: measures with intervals, as a table for people and JSON for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textvae.evaluation.bootstrap import Interval, interval
from textvae.evaluation.probes import ProbeResult
from textvae.files import write_json

ALL = "all"
COLUMNS = {
    "acceptance": "accept",
    "accuracy_ngram": "ACC ngram",
    "accuracy_cnn": "ACC cnn",
    "self_bleu": "self BLEU",
    "ref_bleu": "ref BLEU",
    "geometric_ref": "geo.",
    "harmonic_ref": "harm.",
    "geometric_self": "geo.",
    "harmonic_self": "harm.",
    "perplexity": "PPL",
    "word_overlap": "overlap",
    "cosine": "cosine",
    "copy_rate": "copied",
    "mean_length": "length",
}
WITH_SPREAD = frozenset({"acceptance", "accuracy_ngram", "accuracy_cnn", "self_bleu", "ref_bleu", "perplexity"})
FRACTIONS = frozenset({"word_overlap", "cosine"})


@dataclass(frozen=True)
class Row:
    """One system in one direction ("negative to positive", or "all"): measure -> value and interval."""

    system: str
    direction: str
    sentences: int
    measures: Mapping[str, Interval]


@dataclass(frozen=True)
class Evaluation:
    """Rows of a system with "input copied" and "human reference" beside it, and what is needed to repeat
    them.
    """

    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    probes: Mapping[str, ProbeResult] = field(default_factory=dict)
    """Name of a latent ("z_s", "z_c") -> how well the style can be read from it."""
    samples: Mapping[tuple[str, str, str], np.ndarray] = field(default_factory=dict, repr=False)
    """(system, direction, measure) -> its values over the bootstrap resamples (R,), aligned between systems.
    """

    def row(self, system: str, direction: str = ALL) -> Row:
        """The row of `system` and `direction`; KeyError if there is none."""
        for row in self.rows:
            if (row.system, row.direction) == (system, direction):
                return row
        raise KeyError(f"no row {system!r}, {direction!r}")

    def difference(self, measure: str, system: str, other: str, direction: str = ALL) -> Interval:
        """`system` minus `other` with a paired bootstrap interval: sentences vary together in both."""
        value = self.row(system, direction).measures[measure].value - self.row(other, direction).measures[measure].value
        samples = self.samples[system, direction, measure] - self.samples[other, direction, measure]
        return interval(value, samples, self.settings["confidence"])

    def to_dict(self) -> dict[str, Any]:
        """JSON without NaN: an undefined value is null."""
        rows = [
            {
                "system": row.system,
                "direction": row.direction,
                "sentences": row.sentences,
                "measures": {
                    name: {key: _json(number) for key, number in found._asdict().items()}
                    for name, found in row.measures.items()
                },
            }
            for row in self.rows
        ]
        probes = {name: result.to_dict() for name, result in self.probes.items()}
        return {"rows": rows, "probes": probes, "settings": dict(self.settings)}

    def save(self, path: str | Path) -> None:
        """Write `to_dict()` as one JSON file, atomically."""
        write_json(path, self.to_dict())

    def table(self) -> str:
        """Plain text: a block per direction, then how it was measured.

        ± is half the width of the interval. The means take BLEU against references where there are any,
        otherwise against the input; all of it is in `to_dict`.
        """
        shown = self._shown()
        lines = [["", *(COLUMNS[key] for key in shown)]]
        for direction in sorted({row.direction for row in self.rows}, key=lambda name: (name != ALL, name)):
            lines.append([f"[{direction}]"])
            rows = [row for row in self.rows if row.direction == direction]
            lines += [[row.system, *(_cell(key, row.measures[key]) for key in shown)] for row in rows]
        return "\n".join([*_align(lines), "", *self._notes()])

    def _shown(self) -> list[str]:
        defined = {key for row in self.rows for key, found in row.measures.items() if math.isfinite(found.value)}
        other = "_self" if "ref_bleu" in defined else "_ref"
        return [key for key in COLUMNS if key in defined and not key.endswith(other)]

    def _notes(self) -> list[str]:
        judges = ", ".join(f"{name} {_percent(value)}" for name, value in self.settings["judges"].items())
        against = "ref" if "ref_bleu" in self._shown() else "self"
        s = self.settings
        notes = [
            *([f"Accept: mean probability that a reader accepts, {s['acceptance']}."] if "acceptance" in s else []),
            f"ACC: share judged to have the target label; the judges' accuracy on dev is {judges}.",
            f"BLEU: sacrebleu {s['bleu_signature']}.",
            f"geo., harm.: geometric and harmonic mean of ACC (mean of the judges) and {against} BLEU.",
            f"PPL: {s['language_model']}. Copied in percent, length in words.",
            "Overlap, cosine: content words only; the cosine uses vectors of this training corpus and is not",
            "comparable with published values.",
            f"±: half the {s['confidence']:.0%} interval of {s['resamples']} resamples, alike in all rows.",
        ]
        for name, result in self.probes.items():
            chance = f"always the majority: {_percent(result.majority)}"
            notes.append(f"Probe, style from {name}: {_percent(result.accuracy)} ({chance}).")
        return notes


def _json(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f} %"


def _cell(measure: str, found: Interval) -> str:
    if not math.isfinite(found.value):
        return "-"
    value = f"{found.value:.{3 if measure in FRACTIONS else 1}f}"
    spread = measure in WITH_SPREAD and math.isfinite(found.low)
    return f"{value} ±{(found.high - found.low) / 2:.1f}" if spread else value


def _align(lines: list[list[str]]) -> list[str]:
    columns = max(map(len, lines))
    full = [line for line in lines if len(line) == columns]
    widths = [max(len(line[column]) for line in full) for column in range(columns)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs)
        ).rstrip()
        for pairs in (list(zip(line, widths, strict=False)) for line in lines)
    ]
