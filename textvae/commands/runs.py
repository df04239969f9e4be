"""`textvae runs`: what has been trained, and what is training now."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from textvae.terminal import human_age, human_bytes, show_json, show_table, warn
from textvae.volume import add_volume, set_volume

if TYPE_CHECKING:
    from textvae.extras.report.listing import RunRow

DESCRIPTION = """\
List run directories: task, data, recipe (configuration and options of the command), state, best dev
score and its step, seed, time since something was written, size on disk. A broken or half-written run
is listed with what is wrong. A run counts as training while it writes about as often as it did."""

EPILOG = """\
exit codes:
  0  done (also when there is no run)       2  no such folder

examples:
  textvae runs
  textvae runs runs/ old-runs/ --sort score
  textvae runs --json | jq '.[] | select(.state.name == "training") | .path'"""

SORTED = ("name", "task", "score", "step", "age", "size")
TASKS = {
    "style_transfer": "transfer",
    "summarization": "summaries",
    "sentence_vae": "autoencoder",
    "document_vae": "documents",
    "tree": "trees",
}
LONGEST_RECIPE = 60
HEAD = ("run", "task", "data", "recipe", "state", "dev score", "at", "seed", "age", "size", "problems")


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folders", metavar="FOLDER", nargs="*", type=Path, help="folders of runs, or runs (default: runs)")
    add("--sort", choices=SORTED, default="name", help="score, step and size: the largest first; age: the newest first")
    add("--reverse", action="store_true", help="the other way round")
    add("--json", action="store_true", help="everything known of each run, nothing shortened")
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae runs") -> int:
    """Exit code 0; UserError where a folder is not there."""
    from textvae.extras.report.listing import SORTS, list_runs

    args = make_parser(prog).parse_args(argv)
    set_volume(args)
    now = time.time()
    rows = sorted(list_runs(args.folders or [Path("runs")], now), key=SORTS[args.sort])
    if args.reverse != (args.sort in ("score", "step", "size")):
        rows.reverse()
    if args.json:
        show_json([row.to_dict() for row in rows])
        return 0
    if not rows:
        warn("no run there; `textvae train` makes one")
        return 0
    lines = [cells(row, now) for row in rows]
    kept = [place for place in range(len(HEAD)) if place != 10 or any(line[10] for line in lines)]
    right = [kept.index(place) for place in (5, 6, 7, 8, 9)]
    show_table([HEAD[place] for place in kept], [[line[place] for place in kept] for line in lines], right)
    return 0


def cells(row: RunRow, now: float) -> list[str]:
    """One line of the table."""
    recipe = row.recipe or "-"
    return [
        row.path,
        TASKS.get(row.task or "", row.task or "-"),
        row.data or "-",
        recipe if len(recipe) <= LONGEST_RECIPE else recipe[: LONGEST_RECIPE - 1] + "…",
        str(row.state),
        "-" if row.best_score is None else f"{row.best_score:.3f}",
        "-" if row.best_step is None else str(row.best_step),
        "-" if row.seed is None else str(row.seed),
        human_age(now - row.written) if row.written else "-",
        human_bytes(row.bytes),
        "; ".join(row.problems),
    ]
