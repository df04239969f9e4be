"""What a sweep leaves: sweep.json, table.md, a figure; and the table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textvae.errors import UserError
from textvae.evaluation.results import WITH_SPREAD
from textvae.extras.report.comparison import Measure
from textvae.extras.report.sweep import LATENTS, Sweep, read_sweep, sweep_table
from textvae.extras.report.tables import cell
from textvae.extras.sweeps.results import FILE
from textvae.files import atomic_write, write_json
from textvae.terminal import show_table, warn
from textvae.volume import note

TABLE, FIGURE, CURVE = "table.md", "frontier", "rate_distortion"


def write_results(folder: Path, values: Mapping[str, Any], figure: bool = False) -> None:
    """sweep.json and table.md, whole or not at all; the figure where it is wanted and matplotlib installed."""
    write_json(folder / FILE, values)
    sweep = read_sweep(folder)
    with atomic_write(folder / TABLE) as handle:
        handle.write(markdown(sweep))
    if figure and sweep.scored:
        try:
            draw(sweep, folder)
        except UserError as error:  # everything else is there, and the same command draws it later
            warn(f"no figure: {error}; then the same command draws it, and scores nothing again")


def draw(sweep: Sweep, folder: Path) -> None:
    """frontier.svg and .png, of sentence autoencoders rate_distortion; UserError without matplotlib."""
    from textvae.extras.report import figures
    from textvae.extras.report.frontier import frontier_figure
    from textvae.extras.report.rate_distortion import rate_distortion_figure

    with figures.drawing():
        latents = sweep.task == LATENTS
        figures.save(
            (rate_distortion_figure if latents else frontier_figure)(sweep), folder, CURVE if latents else FIGURE
        )


def lines(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table: every measure with half of its interval, and sentences a second."""
    table = sweep_table(sweep)
    rows = [[row.system, *(with_spread(name, row.measures.get(name)) for name in table.columns)] for row in table.rows]
    head = ["", *table.columns.values()]
    if sweep.task == LATENTS:
        return head, rows
    speeds = [point.speed for point in sweep.points] + [None] * len(sweep.baselines)
    timed = [[*row, "-" if s is None else f"{s:.0f}"] for row, s in zip(rows, speeds, strict=True)]
    return [*head, "sent./s"], timed


def with_spread(name: str, found: Measure | None) -> str:
    """`92.7 ±1.2`: half of the interval."""
    value = cell(name, found)[0].replace("–", "-")
    if found is None or found.low is None or found.high is None or name not in WITH_SPREAD:
        return value
    return f"{value} ±{(found.high - found.low) / 2:.1f}"


def lost(sweep: Sweep) -> list[str]:
    """Points without numbers, and why."""
    return [f"{point.state}: {point.error}" for point in sweep.points if point.state != "scored"]


def markdown(sweep: Sweep) -> str:
    """The table for people who do not run anything."""
    head, rows = lines(sweep)
    table = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    text = [f"# {sweep.name}, {sweep.split}", "", *("| " + " | ".join(row) + " |" for row in table), ""]
    return "\n".join([*text, *(f"- {note}" for note in [*sweep.notes, *lost(sweep)]), ""])


def show(folder: Path) -> None:
    """The table on the terminal."""
    sweep = read_sweep(folder)
    if sweep.changed:
        print(f"\n== changed: {sweep.changed}")
    head, rows = lines(sweep)
    show_table(head, rows, list(range(1, len(head))))
    print()
    for line in [*sweep.notes, *lost(sweep)]:
        print(line)


class Teller:
    """Progress on standard error, a line a point."""

    def __init__(self, total: int):
        self.total = total

    def __call__(self, place: int, text: Any) -> None:
        """place counts from 0."""
        note(f"{place + 1}/{self.total}  {text}")
