"""`textvae compare`: how runs differ."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from textvae.terminal import show_json, show_table, warn
from textvae.volume import add_volume, set_volume

DESCRIPTION = """\
Compare runs side by side: the facts (recipe, data, seed, commit, machine), what differs in their
configurations, and their metrics: dev metrics of the best step, and with intervals those of
`textvae evaluate`. Says where numbers are not comparable: other data, task or settings."""

EPILOG = """\
- stands where a run has no such name: its configuration is of another task, or an older version wrote it.

exit codes:
  0  done       2  a folder that is no run

examples:
  textvae compare runs/yelp runs/paper_vae
  textvae compare runs/seed-* --json"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="run directories, two or more")
    parser.add_argument("--json", action="store_true", help="the same for programs, with every digit")
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae compare") -> int:
    """Exit code 0; UserError where a folder is no run, or there is only one."""
    from textvae.errors import UserError
    from textvae.extras.report.comparison import compare
    from textvae.extras.report.records import read_run

    args = make_parser(prog).parse_args(argv)
    set_volume(args)
    if len(args.runs) < 2:
        raise UserError("give two runs or more; `textvae runs` lists those that there are")
    found = compare([read_run(run) for run in args.runs])
    if args.json:
        show_json(found.to_dict())
        return 0
    for text in found.warnings:
        warn(text)
    parts: dict[str, Any] = {"facts": found.facts, "configuration": found.config, "metrics": found.metrics}
    for number, (title, rows) in enumerate(parts.items()):
        if number:
            print()
        lines = [[name, *map(cell, values)] for name, values in rows.items()]
        show_table([title, *found.runs], lines or [["nothing differs", *("" for _ in found.runs)]])
    return 0


def cell(value: Any) -> str:
    """A value as people write it."""
    from textvae.extras.report.records import printable

    return "-" if value is None else str(value).lower() if isinstance(value, bool) else printable(str(value))
