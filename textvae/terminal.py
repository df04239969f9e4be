"""Tables on a terminal, in a pipe, and for programs. Results go to standard output, all else to standard error.

Colour is off when piped, and where NO_COLOR is set.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from typing import Any

from textvae.volume import QUIET, Volume

WIDE = 1000
"""Columns of a pipe: nothing is cut or folded there."""


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print a table; columns in `right` are flush right. On a terminal long cells are folded, in a pipe never."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(head):
        table.add_column(
            name, justify="right" if place in right else "left", overflow="fold", ratio=None, no_wrap=not place
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else WIDE, highlight=False)
    with console.capture() as shown:
        console.print(table)
    print("\n".join(line.rstrip() for line in shown.get().splitlines()))


def warn(text: str) -> None:
    """A line on standard error, yellow on a terminal; none with --quiet."""
    if Volume.level == QUIET:
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text(f"warning: {text}", style="yellow"))


def show_json(value: Any) -> None:
    """Indented JSON; a number that is not finite is null."""
    print(json.dumps(finite(value), indent=2, ensure_ascii=False))


def finite(value: Any) -> Any:
    """The same value without NaN and infinities."""
    if isinstance(value, dict):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def human_bytes(count: int) -> str:
    """`231 MB`."""
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.3g} {units[0]}"


def human_age(seconds: float) -> str:
    """`3 min`, `2 h`, `5 d`: how long ago."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
