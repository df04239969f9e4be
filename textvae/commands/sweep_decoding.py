"""A trained run decoded over a grid."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textvae.commands.finished_runs import style_run
from textvae.commands.sweep_output import Teller, show, write_results
from textvae.evaluation.config import EvaluationConfig
from textvae.experiment.evaluation import checksum_of_test_set
from textvae.experiment.machine import commit
from textvae.extras.sweeps.decoding import check_model, decoding_points
from textvae.extras.sweeps.grid import Axis, Point, read_axes
from textvae.extras.sweeps.results import point_row, summary
from textvae.extras.sweeps.scoring import Scorer, read_result
from textvae.terminal import show_table, warn
from textvae.volume import note

POINTS = "points"


def sweep_decoding(args: argparse.Namespace, evaluation: EvaluationConfig) -> int:
    """Score what is not scored yet; the results are rewritten after every point."""
    axes = read_axes(args.grid)
    points = decoding_points(axes)
    scorer = Scorer(style_run(args, "there is no accuracy to set against BLEU"), evaluation, args.split)
    folder = args.save or args.run / ("sweep" if args.split == "dev" else "sweep_test")
    found = [scorer.stored(folder / POINTS / point.name, point.settings) is not None for point in points]
    if args.dry_run:
        show_table(
            ["point", "state"], [[str(p), "scored" if f else "to do"] for p, f in zip(points, found, strict=True)]
        )
        return 0
    if args.split == "test":
        warn("these are points of the test part: report them, but choose none by their numbers")
    check_model(scorer.run.transfer, points)
    tell = Teller(len(points))
    for place, (point, known) in enumerate(zip(points, found, strict=True)):
        tell(place, f"{point}: {'scored before' if known else 'decoding'}")
        if not known:
            scorer.score(folder / POINTS / point.name, point.settings, point.settings)
            for change in scorer.changes:
                write_results(folder / change, collect(scorer, folder, axes, points, change))
    for change in scorer.changes:
        write_results(folder / change, collect(scorer, folder, axes, points, change), figure=True)
        show(folder / change)
    note(f"saved in {folder}")
    return 0


def collect(
    scorer: Scorer, folder: Path, axes: Sequence[Axis], points: Sequence[Point], change: str = ""
) -> dict[str, Any]:
    """What sweep.json is to hold: this grid's points in its order, then those of earlier grids that still count.

    change: with several attributes, what was changed; that sweep.json is in a folder of this name.
    """
    wanted = {point.name: point for point in points}
    earlier = sorted(path.name for path in (folder / POINTS).glob("*") if path.name not in wanted)
    rows, scored = [], []
    for name in [*wanted, *earlier]:
        place = folder / POINTS / name
        settings = wanted[name].settings if name in wanted else (read_result(place / change) or {}).get("point")
        metrics = None if settings is None else scorer.stored(place, settings)
        if metrics is not None:
            below = f"../{POINTS}/{name}/{change}" if change else f"{POINTS}/{name}"
            rows.append(point_row(name, below, metrics[change]))
            scored.append(metrics[change])
    test = scorer.run.prepared.corpus.test
    facts = {
        "kind": "decoding",
        "title": scorer.run.folder.resolve().name,
        "split": scorer.split,
        "changed": change,
        "axes": {axis.name: list(dict.fromkeys(point.settings[axis.name] for point in points)) for axis in axes},
        "commit": commit(),
        "test_set": None if test is None else checksum_of_test_set(test["text"]),
    }
    return summary(facts, rows, scored)
