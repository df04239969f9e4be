"""A grid of options: `NAME=VALUE,VALUE` to the points that combine one value of every name."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from textvae.errors import UserError

OPEN, CLOSE = "[{(", "]})"
LONGEST_NAME = 150
"""Characters of a point's folder; file systems take 255 bytes."""


@dataclass(frozen=True)
class Axis:
    """An option and its values, as typed."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Point:
    """One setting of every option of the grid."""

    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`beam=5_strength=1.5`: the same whatever the order of the grid, and a folder name everywhere."""
        text = "_".join(f"{key}={shown(value)}" for key, value in sorted(self.settings.items()))
        name = re.sub(r"[^\w.=+-]+", "-", text)
        if name == text and len(name) <= LONGEST_NAME:
            return name
        return f"{name[:LONGEST_NAME]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        return ", ".join(f"{key} {shown(value)}" for key, value in self.settings.items())


def shown(value: Any) -> str:
    """A value as people type it: `1`, `0.5`, `true`, `default`."""
    if value is None:
        return "default"
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:.12g}" if isinstance(value, float) else str(value)
    )


def read_axes(texts: Sequence[str]) -> list[Axis]:
    """`strength=0.5,1` of every `--grid`; UserError where one says nothing, or two name one option."""
    axes = [read_axis(text) for text in texts]
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--grid names {name} twice; give all its values at once: {name}=A,B,C")
    return axes


def read_axis(text: str) -> Axis:
    """`strength=0.5,1`; brackets and quotes keep their commas: `selection.strengths=[1,2],[1,3]`."""
    name, equals, values = text.partition("=")
    found = tuple(dict.fromkeys(split_values(values)))
    if not name or not equals or not all(found):
        raise UserError(f"--grid {text!r} is not NAME=VALUE,VALUE, as strength=0.5,1 is")
    return Axis(name.strip(), found)


def split_values(text: str) -> list[str]:
    """Parts between the commas that no bracket and no quote encloses."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in OPEN) - (character in CLOSE)
            if character == "," and not depth:
                parts.append("")
                continue
        parts[-1] += character
    return [part.strip() for part in parts]


def check_names(axes: Iterable[Axis], allowed: Collection[str], what: str, remedy: str = "") -> None:
    """UserError for the first name that is not allowed: it names the likest ones, or all where they are few."""
    for axis in axes:
        if axis.name not in allowed:
            known = sorted(allowed)
            if len(known) > 30:
                known = difflib.get_close_matches(axis.name, known, 5, 0.4)
            hint = f"; there are {', '.join(known)}" if known else ""
            raise UserError(f"--grid: {axis.name!r} is no {what}{hint}{remedy and '; ' + remedy}")


def combine(axes: Sequence[Axis], read: Callable[[str, str], Any]) -> list[Point]:
    """Every combination, the last axis changing fastest. read(name, text): the value that a text stands for."""
    columns = [list(dict.fromkeys(read(axis.name, text) for text in axis.values)) for axis in axes]
    names = [axis.name for axis in axes]
    return [Point(dict(zip(names, values, strict=True))) for values in product(*columns)]
