"""What every source yields: splits made of parts (one file each), parts made of rows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from textvae.errors import UserError
from textvae.files import sha256

SPLITS = {"train": ("train",), "dev": ("dev", "validation", "valid", "val"), "test": ("test",)}
BOM = b"\xef\xbb\xbf"
RECORD_CHARS = 1 << 24  # longest line of a file whose lines hold more than the sentence


class Row(NamedTuple):
    """One sentence as it stands in the source."""

    raw: str
    label: str
    references: list[str]
    line: int  # counted from 1; the row's number where a format has no lines


@dataclass(frozen=True)
class Part:
    """A file of a split: `name` goes into reports, `where` (the full path) into errors; `rows()` reads it
    anew."""

    name: str
    where: str
    rows: Callable[[], Iterator[Row]]
    by_row: bool = False  # Row.line counts rows, not lines

    def place(self, line: int, full: bool = True) -> str:
        """FILE:LINE, with the full path for errors or the bare name for reports."""
        return f"{self.where if full else self.name}{': row ' if self.by_row else ':'}{line}"


@dataclass(frozen=True)
class Source:
    """All splits of a corpus, unread so far; `fingerprint` is the sha256 of their content."""

    splits: dict[str, list[Part]]
    fingerprint: str
    unused_references: list[str] = field(default_factory=list)


def display(path: str | os.PathLike[str]) -> str:
    """A path that can be printed and put into JSON, even if its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def fingerprint(files: Iterable[tuple[str, Path]]) -> str:
    """sha256 over (role, file name, content) of all files; the folder they lie in does not matter."""
    digest = hashlib.sha256()
    for role, path in files:
        try:
            digest.update(f"{role}\0{display(path.name)}\0{sha256(path)}\n".encode())
        except OSError as error:
            raise unreadable(path, error) from error
    return digest.hexdigest()


def unreadable(path: str | os.PathLike[str], error: OSError) -> UserError:
    """The error for a file that the system does not let us read."""
    return UserError(
        f"{display(path)}: cannot be read ({error.strerror or error}); check that it is a file you may read"
    )


def read_lines(path: Path, max_chars: int) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end); LF and CRLF, with or without BOM or a last newline.

    Lines end at LF only: str.splitlines would also cut at U+0085 and U+2028, and shift every reference
    after it. Reading is bounded by `max_chars`, so a file that is one line of 10 GB fails at once. Raises
    UserError with line and byte for bytes that are not UTF-8, NUL bytes and over-long lines.
    """
    limit = 4 * max_chars + 3
    number = 0
    try:
        with open(path, "rb") as handle:
            while line := handle.readline(limit):
                number += 1
                if number == 1:
                    line = line.removeprefix(BOM)
                yield number, _decode(path, number, line, max_chars)
    except OSError as error:
        raise unreadable(path, error) from error


def _decode(path: Path, number: int, line: bytes, max_chars: int) -> str:
    line = line.rstrip(b"\r\n")
    place = f"{display(path)}:{number}"
    if b"\0" in line:
        raise UserError(f"{place}: byte {line.index(0) + 1} is NUL, so this is no UTF-8 text; {_encoding_help(line)}")
    if len(line) > 4 * max_chars:
        raise too_long(place, f"over {max_chars}", max_chars)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{place}: byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8; {_encoding_help(line)}"
        ) from error
    if len(text) > max_chars:
        raise too_long(place, f"{len(text)}", max_chars)
    return text


def _encoding_help(line: bytes) -> str:
    if line[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "it looks like UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`"
    return "convert the file, as with `iconv -f LATIN1 -t UTF-8`, or remove the line"


def too_long(place: str, length: str, max_chars: int) -> UserError:
    """The error for a line or sentence over `max_chars` characters."""
    if max_chars == RECORD_CHARS:
        return UserError(f"{place}: a line of over {max_chars} characters; put one record on a line")
    return UserError(
        f"{place}: {length} characters in one sentence, at most {max_chars} are allowed; "
        "put one sentence on a line or raise data.max_line_chars"
    )
