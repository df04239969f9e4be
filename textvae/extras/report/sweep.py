"""A sweep as it was written: its points, the series they make, and its table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textvae.errors import UserError
from textvae.evaluation.diagnostics.report import COLUMNS as LATENT_COLUMNS
from textvae.extras.report.comparison import Measure, measure
from textvae.extras.report.published import Published, published
from textvae.extras.report.records import look_up, number
from textvae.extras.report.tables import Row, Table, columns, means_once, style_heads
from textvae.extras.sweeps.grid import shown
from textvae.extras.sweeps.results import FILE
from textvae.files import display

NOT_LINES = ("seed", "training.seed", "data.seed")
"""Numbers that no line joins: between two seeds there is nothing."""
SPLITS = {
    "dev": "Dev part: the place to choose options.",
    "test": "Test part: report these points, choose none of them by their numbers.",
}
LATENTS = "sentence_vae"
"""The task whose sweeps set rate against distortion."""
LATENT_NOTES = (
    "Nats a sentence. Rate: KL(q ‖ p), or −log p(codes); distortion: −log p(x | z), z from its posterior; NLL: "
    "importance-weighted, an upper bound. Mutual information is at most the rate and the logarithm of the sentences.",
    "The frontier (* in the table, filled in the figure): no other point has both a lower rate and a lower distortion.",
)
JOINTLY = "An output is accurate where every attribute has the label it should, those that were to be kept included."
FOLDERS = ("sweep", "sweep_test")
"""Where `textvae sweep RUN` leaves its results, below the run: of dev and of test."""


@dataclass(frozen=True)
class SweepPoint:
    """settings: option -> value; measures are empty unless state is `scored`, and error says why."""

    settings: Mapping[str, Any]
    state: str
    error: str
    frontier: bool
    measures: Mapping[str, Measure]
    speed: float | None

    def value(self, name: str) -> float | None:
        """A measure, None where it was not taken."""
        return self.measures.get(name, Measure(None)).value


@dataclass(frozen=True)
class Series:
    """Points that differ in one number alone, in its order; labels: what to write beside each."""

    name: str
    points: tuple[SweepPoint, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Sweep:
    """What sweep.json says. baselines: input copied and, where there are references, human reference."""

    title: str
    split: str
    axes: tuple[str, ...]
    points: tuple[SweepPoint, ...]
    baselines: Mapping[str, Mapping[str, Measure]]
    judges: Mapping[str, float | None]
    published: Published | None
    task: str = "style_transfer"
    changed: str = ""

    @property
    def name(self) -> str:
        """Title, and what was changed."""
        return f"{self.title}, {self.changed} changed" if self.changed else self.title

    @property
    def scored(self) -> tuple[SweepPoint, ...]:
        """Points with numbers."""
        return tuple(point for point in self.points if point.state == "scored")

    @property
    def has_references(self) -> bool:
        """Whether there is BLEU against human rewritings."""
        return any(point.value("ref_bleu") is not None for point in self.scored)

    @property
    def notes(self) -> list[str]:
        """What a reader of table and figure must know."""
        if self.task == LATENTS:
            return [SPLITS.get(self.split, ""), *LATENT_NOTES]
        judges = ", ".join(
            name if value is None else f"{name} ({value:.1%} on dev)" for name, value in self.judges.items()
        )
        kind = "ref" if self.has_references else "self"
        found = [
            SPLITS.get(self.split, ""),
            f"Accuracy: mean of our judges {judges}, trained apart from every model." if judges else "",
            JOINTLY if self.changed else "",
            f"The frontier (* in the table, filled in the figure): no other point beats both accuracy and {kind}-BLEU.",
            self.published.note if self.published else "",
        ]
        if self.published and self.split != "test":
            found.append(f"The published points are of the test set, all others of {self.split}: a rough guide only.")
        return [note for note in found if note]


def read_sweep(folder: Path) -> Sweep:
    """The sweep in a folder; UserError where there is none, or its file is broken or of another version."""
    path = folder / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Sweep(
            title=str(values["title"]),
            split=str(values["split"]),
            changed=str(values.get("changed", "")),
            axes=tuple(str(name) for name in values["axes"]),
            points=tuple(read_point(point) for point in values["points"]),
            baselines={
                str(name): {key: measure(value) for key, value in found.items()}
                for name, found in values["baselines"].items()
            },
            judges={str(k): number(v) for k, v in (look_up(values, "settings.judges") or {}).items()},
            published=published(values.get("test_set")),
            task=str(values.get("task", "style_transfer")),
        )
    except FileNotFoundError as error:
        raise UserError(f"{display(folder)} holds no {FILE}; `textvae sweep` writes it") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{display(path)} is broken, or another version of textvae wrote it ({error})") from error


def read_point(values: Mapping[str, Any]) -> SweepPoint:
    """A point of sweep.json."""
    return SweepPoint(
        settings=dict(values["settings"]),
        state=str(values["state"]),
        error=str(values.get("error", "")),
        frontier=values.get("on_frontier") is True,
        measures={name: measure(found) for name, found in values.get("measures", {}).items()},
        speed=number(look_up(values, "speed.sentences_per_second")),
    )


def sweeps_of(run: Path) -> tuple[list[Sweep], list[str]]:
    """Sweeps with scored points beside a run, and what is wrong with the files of the others."""
    found, problems = [], []
    for path in (path for name in FOLDERS for path in (run / name / FILE, *sorted((run / name).glob(f"*/{FILE}")))):
        if path.exists():
            try:
                found.append(read_sweep(path.parent))
            except UserError as error:
                problems.append(str(error))
    return [sweep for sweep in found if sweep.scored], problems


def line_axis(sweep: Sweep) -> str | None:
    """The option that lines run along: the first of the grid that has several numbers, none of them a seed."""
    for name in sweep.axes:
        numbers = {value for point in sweep.scored if (value := number(point.settings.get(name))) is not None}
        if name not in NOT_LINES and len(numbers) > 1:
            return name
    return None


def series_of(sweep: Sweep) -> list[Series]:
    """Scored points by all that they have apart from the line's option; a point without a number there is alone."""
    line, short = line_axis(sweep), short_names(sweep.points)
    groups: dict[tuple[str, bool], list[SweepPoint]] = {}
    for point in sweep.scored:
        on_line = line is not None and number(point.settings.get(line)) is not None
        kept = {name: value for name, value in point.settings.items() if not on_line or name != line}
        text = ", ".join(f"{short[name]} {shown(value)}" for name, value in sorted(kept.items()))
        groups.setdefault((text, on_line), []).append(point)
    found = []
    for (text, on_line), points in groups.items():
        if line is None or not on_line:
            found += [Series(text or sweep.title, (point,), ("",)) for point in points]
            continue
        ordered = sorted(points, key=lambda point: number(point.settings[line]) or 0.0)
        labels = tuple(shown(point.settings[line]) for point in ordered)
        found.append(Series(", ".join(filter(None, (text, f"by {short[line]}"))), tuple(ordered), labels))
    return found


def short_names(points: Sequence[SweepPoint]) -> dict[str, str]:
    """Option -> the last part of its name, or all of it where two end alike."""
    names = list(dict.fromkeys(name for point in points for name in point.settings))
    ends = [name.rpartition(".")[2] for name in names]
    return {name: end if ends.count(end) == 1 else name for name, end in zip(names, ends, strict=True)}


def point_name(point: SweepPoint, short: Mapping[str, str]) -> str:
    """`beam 5, strength 1.5 *`: the star is for the frontier."""
    text = ", ".join(f"{short[name]} {shown(value)}" for name, value in sorted(point.settings.items()))
    return f"{text}{' *' if point.frontier else ''}{'' if point.state == 'scored' else f' ({point.state})'}"


def sweep_table(sweep: Sweep) -> Table:
    """Points and baselines as rows of measures."""
    short = short_names(sweep.points)
    rows = [Row(point_name(point, short), None, point.measures) for point in sweep.points]
    rows += [Row(name, None, found) for name, found in sweep.baselines.items()]
    heads = LATENT_COLUMNS if sweep.task == LATENTS else style_heads(rows)
    return Table(sweep.name, means_once(columns(heads, rows)), rows)
