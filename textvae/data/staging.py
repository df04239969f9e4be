"""From rows to Arrow files, in two passes that both hold a few thousand sentences at a time.

First each split is prepared and written as it comes, with a hash of every sentence (`stage`). Only then is
it known which labels there are and which sentences of train also stand in dev or test; so the second pass
copies the rows that stay, as Arrow batches without Python objects (`copy_rows`). Both passes write to a
folder that the caller removes on any error.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textvae.data.checks import Columns, SplitSummary, Tally
from textvae.data.config import DataConfig
from textvae.data.rows import ONE_SENTENCE, Part, Row
from textvae.errors import UserError
from textvae.text import TextConfig, prepare

logger = logging.getLogger(__name__)

BATCH = 5_000
MAX_LABELS = 10_000
CONTROL = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
COLUMNS = {"text": pa.string(), "raw": pa.string(), "label": pa.int64(), "references": pa.list_(pa.string())}
STAGED = pa.schema({**COLUMNS, "hash": pa.uint64(), "words": pa.int32(), "part": pa.int32(), "line": pa.int64()})


class Staging:
    """Prepares rows and remembers what all splits share: the raw labels seen so far and the tally."""

    def __init__(self, config: DataConfig, text: TextConfig, tally: Tally) -> None:
        self.config = config
        self.text = text
        self.tally = tally
        self.raw_labels: dict[str, int] = {}  # label in the data -> its number in the order of appearance

    def write(self, split: str, parts: list[Part[Row]], path: Path) -> None:
        """Prepare all rows of a split into the Arrow file `path`. Raises UserError for what is wrong in
        them."""
        write_rows(self._rows(split, parts), STAGED, path)

    def _rows(self, split: str, parts: list[Part[Row]]) -> Iterator[tuple[Any, ...]]:
        for index, part in enumerate(parts):
            count = 0
            for row in part.rows():
                staged = self._prepare(row, part, split)
                if staged is not None:
                    count += 1
                    yield (*staged, index, row.line)
            if not count:
                raise UserError(f"{part.where}: holds no sentence; fill the file or take it away")

    def _prepare(self, row: Row, part: Part[Row], split: str) -> tuple[Any, ...] | None:
        """(text, raw, label number, references, hash, words), or None for an empty sentence."""
        raw = row.raw
        if check_characters(raw, lambda: part.place(row.line)):
            self.tally.add("control_characters", split, lambda: part.place(row.line, full=False))
        if len(raw) > self.config.max_line_chars:
            found = f"{len(raw)} characters in one sentence, at most {self.config.max_line_chars} are allowed"
            raise UserError(f"{part.place(row.line)}: {found}; {ONE_SENTENCE}")
        text = prepare(raw, self.text)
        if not text:
            self.tally.add("empty", split, lambda: part.place(row.line, full=False))
            return None
        label = self.raw_labels.get(row.label)
        if label is None:
            label = self._new_label(row.label, part.place(row.line))
        words = text.count(" ") + 1
        digest = text_hash(text)
        if words > self.config.max_tokens:
            kind = "over_long_dropped" if split == "train" else "over_long_cut"
            self.tally.add(kind, split, lambda: part.place(row.line, full=False))
            if split != "train":
                text = " ".join(text.split(" ", self.config.max_tokens)[: self.config.max_tokens])
                words = self.config.max_tokens
        return text, raw, label, self._references(row, part, split), digest, words

    def _new_label(self, raw: str, place: str) -> int:
        _check_unicode(raw, place)
        if not raw or not raw.isprintable():
            raise UserError(f"{place}: the label is {raw!r}; it must be printable and not empty")
        if self.config.labels is not None and raw not in self.config.labels:
            known = ", ".join(repr(label) for label in list(self.config.labels)[:20])
            raise UserError(f"{place}: label {raw!r} is not in data.labels ({known}); add it there or correct the data")
        if len(self.raw_labels) == MAX_LABELS:
            raise UserError(f"{place}: over {MAX_LABELS} different labels; is data.label_column the right column?")
        return self.raw_labels.setdefault(raw, len(self.raw_labels))

    def _references(self, row: Row, part: Part[Row], split: str) -> list[str]:
        kept = [reference.strip() for reference in row.references]
        for reference in kept:
            _check_unicode(reference, part.place(row.line))
            if not reference:
                self.tally.add("empty_references", split, lambda: part.place(row.line, full=False))
        return [reference for reference in kept if reference]


def text_hash(text: str) -> int:
    """64 bits that stand for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def check_characters(raw: str, place: Callable[[], str]) -> bool:
    """Whether a text holds control characters; raises UserError for NUL and half characters."""
    if raw.isascii() and raw.isprintable():
        return False
    if "\0" in raw:
        raise UserError(f"{place()}: character {raw.index(chr(0)) + 1} is NUL; take it out")
    _check_unicode(raw, place())
    return CONTROL.search(raw) is not None


def _check_unicode(text: str, place: str) -> None:
    """JSON can hold half a surrogate pair ("\\ud83d"), which no UTF-8 file can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        raise UserError(f"{place}: {code} is half of a character (a broken \\u escape); take it out") from error


def class_names(raw_labels: list[str], config: DataConfig) -> tuple[tuple[str, ...], np.ndarray]:
    """Readable names by class, and the class of each raw label, (number of raw labels,) int64."""
    if config.labels is not None:
        mapping = config.labels
    else:
        whole = all(re.fullmatch(r"-?[0-9]{1,18}", label) for label in raw_labels)
        mapping = {label: label for label in sorted(raw_labels, key=lambda x: (int(x), x) if whole else (0, x))}
    names = tuple(dict.fromkeys(mapping.values()))
    index = {name: position for position, name in enumerate(names)}
    return names, np.array([index[mapping[label]] for label in raw_labels], dtype=np.int64)


def write_rows(rows: Iterable[tuple[Any, ...]], schema: pa.Schema, path: Path) -> None:
    """Write rows as they come to an Arrow file, a few thousand at a time."""
    stream, written = iter(rows), 0
    with open_writer(path, schema) as writer:
        while batch := list(itertools.islice(stream, BATCH)):
            cells = zip(zip(*batch, strict=True), schema, strict=True)
            columns = [pa.array(column, field.type) for column, field in cells]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            written += len(batch)
            if written % 1_000_000 == 0:
                logger.info("prepared %s sentences", f"{written:,}")


@contextlib.contextmanager
def open_writer(path: Path, schema: pa.Schema) -> Iterator[Any]:
    """An Arrow stream written through a plain file, so that a full disk is an OSError with its errno."""
    with open(path, "wb") as handle, pa.ipc.new_stream(handle, schema) as writer:
        yield writer


def open_table(path: Path) -> pa.Table:
    """A staged file, memory-mapped."""
    return pa.ipc.open_stream(pa.memory_map(str(path))).read_all()


def staged_columns(table: pa.Table, parts: list[Part[Row]], classes: np.ndarray) -> Columns:
    """The numbers of a staged split; `classes` maps the staged label to the class."""

    def where(row: int, full: bool = False) -> str:
        return parts[table["part"][row].as_py()].place(table["line"][row].as_py(), full)

    return Columns(table["hash"].to_numpy(), classes[table["label"].to_numpy()], table["words"].to_numpy(), where)


def copy_rows(
    table: pa.Table,
    mask: np.ndarray,
    classes: np.ndarray | None,
    path: Path,
    kept: Mapping[str, pa.DataType] = COLUMNS,
) -> None:
    """Write the columns `kept` of the rows where `mask` (N,) is true as a file `datasets` opens.

    Labels are replaced by classes.
    """
    import datasets

    schema = datasets.Features.from_arrow_schema(pa.schema(kept)).arrow_schema  # with their metadata
    start = 0
    with open_writer(path, schema) as writer:
        for batch in table.select(list(kept)).to_batches():
            chosen = batch.filter(pa.array(mask[start : start + len(batch)]))
            start += len(batch)
            if len(chosen):
                columns = [
                    chosen[name] if classes is None or name != "label" else pa.array(classes[chosen[name].to_numpy()])
                    for name in schema.names
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def found_labels(columns: Columns, names: tuple[str, ...]) -> set[str]:
    """Readable labels that occur in a split."""
    return {names[label] for label in np.unique(columns.labels)}


def summarise(table: pa.Table, columns: Columns, mask: np.ndarray, names: tuple[str, ...]) -> SplitSummary:
    """Counts of the rows where `mask` is true; references stand in test only, where it is true everywhere."""
    counts = np.bincount(columns.labels[mask], minlength=len(names))
    words = columns.words[mask]
    return SplitSummary(
        {name: int(count) for name, count in zip(names, counts, strict=True)},
        round(float(words.mean()), 2) if len(words) else 0.0,
        int(words.max()) if len(words) else 0,
        sum(len(batch["references"].flatten()) for batch in table.to_batches()),
    )
