"""What every source yields: splits made of parts (one file each), parts made of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from textvae.files import display, sha256, unreadable

SPLITS = {"train": ("train",), "dev": ("dev", "validation", "valid", "val"), "test": ("test",)}
R = TypeVar("R")
ONE_SENTENCE = "put one sentence on a line or raise data.max_line_chars"
"""What to do about a line or sentence that is too long."""


class Row(NamedTuple):
    """One sentence as it stands in the source."""

    raw: str
    labels: tuple[str, ...]  # one of each attribute
    references: list[str]
    line: int  # counted from 1; the row's number where a format has no lines
    group: str = ""  # of sentences that share a factor; empty for none


@dataclass(frozen=True)
class Part(Generic[R]):
    """A file of a split: `name` goes into reports, `where` (the full path) into errors; `rows()` reads it
    anew."""

    name: str
    where: str
    rows: Callable[[], Iterator[R]]
    by_row: bool = False  # Row.line counts rows, not lines

    def place(self, line: int, full: bool = True) -> str:
        """FILE:LINE, with the full path for errors or the bare name for reports."""
        return f"{self.where if full else self.name}{': row ' if self.by_row else ':'}{line}"


@dataclass(frozen=True)
class Source:
    """All splits of a corpus, unread so far; `fingerprint` is the sha256 of their content."""

    splits: dict[str, list[Part[Row]]]
    fingerprint: str
    unused_references: list[str] = field(default_factory=list)


def fingerprint(files: Iterable[tuple[str, Path]]) -> str:
    """sha256 over (role, file name, content) of all files; the folder they lie in does not matter."""
    digest = hashlib.sha256()
    for role, path in files:
        try:
            digest.update(f"{role}\0{display(path.name)}\0{sha256(path)}\n".encode())
        except OSError as error:
            raise unreadable(path, error) from error
    return digest.hexdigest()
