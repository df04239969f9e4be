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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textvae.data.attributes import Attributes, length_label
from textvae.data.checks import Columns, SplitSummary, Tally
from textvae.data.config import DataConfig
from textvae.data.rows import ONE_SENTENCE, Part, Row
from textvae.errors import UserError
from textvae.text import TextConfig, prepare

logger = logging.getLogger(__name__)

BATCH = 5_000
MAX_LABELS = 10_000
CONTROL = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
NUMBERS = {"hash": pa.uint64(), "words": pa.int32(), "part": pa.int32(), "line": pa.int64()}


def kept_columns(attributes: int, grouped: bool = False) -> dict[str, pa.DataType]:
    """Columns of a corpus: `label` is a number, or with several attributes a list of one for each.

    grouped: also `group`, a number that the sentences of a group share, 0 for none.
    """
    label = pa.int64() if attributes == 1 else pa.list_(pa.int64(), attributes)
    columns = {"text": pa.string(), "raw": pa.string(), "label": label, "references": pa.list_(pa.string())}
    return columns | ({"group": pa.int64()} if grouped else {})


class Staging:
    """Prepares rows and remembers what all splits share: the raw labels of each attribute seen so far, the tally."""

    def __init__(self, config: DataConfig, text: TextConfig, tally: Tally) -> None:
        self.config = config
        self.text = text
        self.tally = tally
        self.attributes = config.attributes
        # label in the data -> its number in the order of appearance, for each attribute
        self.raw_labels: list[dict[str, int]] = [{} for _ in self.attributes]
        self.columns = kept_columns(len(self.attributes), config.group_column is not None)

    def write(self, split: str, parts: list[Part[Row]], path: Path) -> None:
        """Prepare all rows of a split into the Arrow file `path`. Raises UserError for what is wrong in
        them."""
        write_rows(self._rows(split, parts), pa.schema({**self.columns, **NUMBERS}), path)

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
        """(text, raw, label number or numbers, references, hash, words), or None for an empty sentence.

        With groups the number of its group stands after the references.
        """
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
        words = text.count(" ") + 1
        digest = text_hash(text)
        if words > self.config.max_tokens:
            kind = "over_long_dropped" if split == "train" else "over_long_cut"
            self.tally.add(kind, split, lambda: part.place(row.line, full=False))
            if split != "train":
                text = " ".join(text.split(" ", self.config.max_tokens)[: self.config.max_tokens])
                words = self.config.max_tokens
        group = (group_number(row.group),) if "group" in self.columns else ()
        return text, raw, self._labels(row, part, words), self._references(row, part, split), *group, digest, words

    def _labels(self, row: Row, part: Part[Row], words: int) -> int | list[int]:
        """The number of the raw label, or with several attributes of each one's."""
        raw, bins = row.labels, self.config.length_bins
        if bins:
            raw = (*raw, length_label(words, bins))
        found = []
        for attribute, (known, label) in enumerate(zip(self.raw_labels, raw, strict=True)):
            number = known.get(label)
            found.append(self._new_label(attribute, label, part.place(row.line)) if number is None else number)
        return found[0] if len(found) == 1 else found

    def _new_label(self, attribute: int, raw: str, place: str) -> int:
        name, raw_labels = self.attributes[attribute], self.raw_labels[attribute]
        mapping = self.config.label_mapping(name)
        option = "data.labels" if self.config.label_columns is None else f"data.attribute_labels.{name}"
        _check_unicode(raw, place)
        if not raw or not raw.isprintable():
            raise UserError(f"{place}: the label is {raw!r}; it must be printable and not empty")
        if mapping is not None and raw not in mapping:
            known = ", ".join(repr(label) for label in list(mapping)[:20])
            raise UserError(f"{place}: label {raw!r} is not in {option} ({known}); add it there or correct the data")
        if len(raw_labels) == MAX_LABELS:
            column = "data.label_column" if self.config.label_columns is None else f"data.label_columns.{name}"
            raise UserError(f"{place}: over {MAX_LABELS} different labels; is {column} the right column?")
        return raw_labels.setdefault(raw, len(raw_labels))

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


def group_number(name: str) -> int:
    """63 bits that stand for the name of a group, 0 for none; names need not be kept then."""
    return (text_hash(name) >> 1 or 1) if name else 0


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


class Classes:
    """attributes: readable names by class. of_raw: of each attribute, the class of each raw label, (raw labels,)."""

    def __init__(self, raw_labels: Sequence[Iterable[str]], config: DataConfig) -> None:
        mappings = map(config.label_mapping, config.attributes)
        found = [class_names(list(raw), mapping) for raw, mapping in zip(raw_labels, mappings, strict=True)]
        self.attributes = Attributes(config.attributes, tuple(names for names, _ in found))
        self.of_raw = [classes for _, classes in found]

    def of(self, staged: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Classes (N,) of a staged column of labels, with several attributes (N, A)."""
        if len(self.of_raw) == 1:
            return self.of_raw[0][staged.to_numpy()]
        chunks = staged.chunks if isinstance(staged, pa.ChunkedArray) else [staged]
        raw = np.concatenate([chunk.flatten().to_numpy() for chunk in chunks] or [np.zeros(0, np.int64)])
        numbers = raw.reshape(-1, len(self.of_raw)).T
        return np.stack([classes[n] for classes, n in zip(self.of_raw, numbers, strict=True)], axis=1)

    def combined(self, labels: np.ndarray) -> np.ndarray:
        """One number (N,) for each combination of labels (N, A); labels (N,) as they are."""
        if labels.ndim == 1:
            return labels
        return np.asarray(np.ravel_multi_index(tuple(labels.T), self.attributes.sizes), np.int64)

    def separate(self, combined: np.ndarray) -> tuple[np.ndarray, ...]:
        """Labels (N,) of each attribute from the numbers of their combinations."""
        return tuple(np.unravel_index(combined, self.attributes.sizes))


def class_names(raw_labels: list[str], mapping: dict[str, str] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """Readable names by class, and the class of each raw label, (number of raw labels,) int64."""
    if mapping is None:
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


def staged_columns(table: pa.Table, parts: list[Part[Row]], classes: Classes) -> Columns:
    """The numbers of a staged split."""

    def where(row: int, full: bool = False) -> str:
        return parts[table["part"][row].as_py()].place(table["line"][row].as_py(), full)

    labels = classes.combined(classes.of(table["label"]))
    return Columns(table["hash"].to_numpy(), labels, table["words"].to_numpy(), where)


def copy_rows(
    table: pa.Table,
    mask: np.ndarray,
    classes: Callable[[pa.Array], np.ndarray] | None,
    path: Path,
    kept: Mapping[str, pa.DataType],
) -> None:
    """Write the columns `kept` of the rows where `mask` (N,) is true as a file `datasets` opens.

    classes: from the column `label` (n,) of some rows to their classes (n,) or (n, A), which replace it.
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
                    chosen[name] if classes is None or name != "label" else _label_column(classes(chosen[name]))
                    for name in schema.names
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _label_column(labels: np.ndarray) -> pa.Array:
    if labels.ndim == 1:
        return pa.array(labels)
    return pa.FixedSizeListArray.from_arrays(pa.array(labels.reshape(-1)), labels.shape[1])


def found_labels(columns: Columns, classes: Classes) -> set[str]:
    """Readable labels that occur in a split, of all attributes."""
    return {name for name, count in _counts(columns.labels, classes).items() if count}


def _counts(combined: np.ndarray, classes: Classes) -> dict[str, int]:
    """Occurrences of every label of every attribute, by its readable name."""
    sizes = classes.attributes.sizes
    counts = [np.bincount(x, minlength=size) for x, size in zip(classes.separate(combined), sizes, strict=True)]
    return dict(zip(classes.attributes.label_names, np.concatenate(counts).tolist(), strict=True))


def summarise(table: pa.Table, columns: Columns, mask: np.ndarray, classes: Classes) -> SplitSummary:
    """Counts of the rows where `mask` is true; references stand in test only, where it is true everywhere."""
    words = columns.words[mask]
    return SplitSummary(
        _counts(columns.labels[mask], classes),
        round(float(words.mean()), 2) if len(words) else 0.0,
        int(words.max()) if len(words) else 0,
        sum(len(batch["references"].flatten()) for batch in table.to_batches()),
        list(classes.attributes.sizes),
    )
