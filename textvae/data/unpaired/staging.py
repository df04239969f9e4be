"""Rows of unpaired sources to Arrow files, with the numbers by which pairs are found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textvae.data.cells import Record, id_cell, paragraphs_cell
from textvae.data.checks import SplitSummary, Tally
from textvae.data.rows import Part
from textvae.data.staging import check_characters, open_table, text_hash, write_rows
from textvae.data.unpaired.config import FilesConfig, PairsConfig, SideConfig
from textvae.data.unpaired.files import Opened
from textvae.errors import UserError
from textvae.text import TextConfig, count_words, prepare

SIDE = {"text": pa.string(), "id": pa.string()}
PAIRS = {name: pa.string() for name in ("document", "summary", "document_raw", "summary_raw", "id")}
# hash: of the text; words: how many; row: hash of file and line; key: hash of the id, 0 where there is none
_NUMBERS = {"hash": pa.uint64(), "words": pa.int32(), "key": pa.uint64(), "file": pa.int32(), "line": pa.int64()}
STAGED_SIDE = pa.schema({**SIDE, **_NUMBERS, "row": pa.uint64()})
STAGED_PAIRS = pa.schema({**PAIRS, **_NUMBERS, "summary_hash": pa.uint64(), "summary_words": pa.int32()})


@dataclass(frozen=True)
class Staged:
    """A staged source: its table, its files, and the rows each file has in all (blank ones too)."""

    table: pa.Table
    parts: list[Part[Record]]
    totals: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.table)

    def numbers(self, column: str) -> np.ndarray:
        """One of the columns of numbers, (N,)."""
        values: np.ndarray = self.table[column].to_numpy()
        return values

    def where(self, row: int, full: bool = False) -> str:
        """FILE:LINE of a row, for reports; with the full path for errors."""
        part = self.parts[self.table["file"][int(row)].as_py()]
        return part.place(self.table["line"][int(row)].as_py(), full)

    def summary(self, mask: np.ndarray, words: str = "words") -> SplitSummary:
        """Size of the rows where `mask` (N,) is true."""
        found = self.numbers(words)[mask]
        if not len(found):
            return SplitSummary({"": 0}, 0.0, 0)
        return SplitSummary({"": len(found)}, round(float(found.mean()), 2), int(found.max()))


class Stager:
    """Prepares the rows of one source. role: "documents", "texts", "dev" or "test"."""

    def __init__(self, role: str, config: FilesConfig, text: TextConfig, tally: Tally) -> None:
        self.role, self.config, self.text, self.tally = role, config, text, tally
        self.totals: list[int] = []

    def side(self, opened: Opened, path: Path) -> Staged:
        """All rows of one side that belong to its part and have the right length, written to `path`."""
        assert isinstance(self.config, SideConfig)
        write_rows(self._side_rows(opened, self.config), STAGED_SIDE, path)
        return Staged(open_table(path), opened.parts, tuple(self.totals))

    def pairs(self, opened: Opened, path: Path) -> Staged:
        """All pairs of which neither half is empty, written to `path`."""
        assert isinstance(self.config, PairsConfig)
        write_rows(self._pair_rows(opened, self.config), STAGED_PAIRS, path)
        return Staged(open_table(path), opened.parts, tuple(self.totals))

    def _side_rows(self, opened: Opened, config: SideConfig) -> Iterator[tuple[Any, ...]]:
        wanted, parts = config.part_numbers()
        for number, part, record in self._records(opened):
            place = part.place(record.line)
            identity = id_cell(record.cells[1], str(config.id_column), place) if config.id_column else ""
            if text_hash(f"part\0{identity or record.line}") % parts != wanted - 1:
                continue
            raw = paragraphs_cell(record.cells[0], config.column, place, config.paragraphs == "all")
            text = self._prepare(raw, part, record.line)
            if not text:
                self._found("empty", part, record.line)
                continue
            words = count_words(text)
            if not self._right_length(words, part, record.line, config):
                continue
            row = text_hash(f"{opened.identities[number]}\0{record.line}")
            yield text, identity, text_hash(text), words, _key(identity), number, record.line, row

    def _right_length(self, words: int, part: Part[Record], line: int, config: SideConfig) -> bool:
        if words < config.min_tokens:
            self._found("short_dropped", part, line)
            return False
        if words <= config.max_tokens:
            return True
        self._found("over_long_cut" if self.role == "documents" else "over_long_dropped", part, line)
        return self.role == "documents"

    def _pair_rows(self, opened: Opened, config: PairsConfig) -> Iterator[tuple[Any, ...]]:
        for number, part, record in self._records(opened):
            place = part.place(record.line)
            raw = paragraphs_cell(record.cells[0], config.document_column, place, config.paragraphs == "all")
            raw_summary = paragraphs_cell(record.cells[1], config.summary_column, place, True)
            identity = id_cell(record.cells[2], str(config.id_column), place) if config.id_column else ""
            document, summary = (self._prepare(r, part, record.line) for r in (raw, raw_summary))
            if not (document and summary):
                self._found("empty", part, record.line)
                continue
            numbers = text_hash(document), count_words(document), _key(identity), number, record.line
            yield (
                *(document, summary, raw.strip(), raw_summary.strip(), identity),
                *numbers,
                *(text_hash(summary), count_words(summary)),
            )

    def _records(self, opened: Opened) -> Iterator[tuple[int, Part[Record], Record]]:
        """Rows that are not blank; raises UserError for a file without any."""
        for number, part in enumerate(opened.parts):
            count = filled = 0
            for record in part.rows():
                count += 1
                if any(_filled(cell) for cell in record.cells[: 1 if isinstance(self.config, SideConfig) else 2]):
                    filled += 1
                    yield number, part, record
                else:
                    self._found("empty", part, record.line)
            if not filled:
                raise UserError(f"{part.where}: holds no text; fill the file or take it away")
            self.totals.append(count)

    def _prepare(self, raw: str, part: Part[Record], line: int) -> str:
        if check_characters(raw, lambda: part.place(line)):
            self._found("control_characters", part, line)
        if len(raw) > self.config.max_line_chars:
            raise UserError(
                f"{part.place(line)}: {len(raw)} characters in one text, at most {self.config.max_line_chars} are "
                f"allowed; is it the right column? Otherwise raise data.{self.role}.max_line_chars"
            )
        return prepare(raw, self.text)

    def _found(self, kind: str, part: Part[Record], line: int) -> None:
        self.tally.add(kind, self.role, lambda: part.place(line, full=False))


def _filled(cell: Any) -> bool:
    """Whether there is anything in a cell; what it is will be seen."""
    return bool(cell.strip() if isinstance(cell, str) else cell is not None and cell != [])


def _key(identity: str) -> int:
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest(), "little") or 1 if identity else 0
