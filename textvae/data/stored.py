"""Stored transfers: training sentences beside what a trained model has made of them in another style.

A text file with tabs: a column for each attribute with the sentence's own label, then `sentence` and `transfer`, both
as the model reads them. Back-translation (`transfer.stored`) learns to write the sentence from its transfer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textvae.data.attributes import Attributes
from textvae.data.tokenized import FlatSentences, TokenizedCorpus, flat
from textvae.errors import UserError
from textvae.files import atomic_write, display, read_lines

FILE = "stored_transfers.tsv"
"""Its name in the folder of the run that learns from it."""
COMMAND = "textvae back-translate RUN --output FILE"
"""What makes such a file; it stands in messages."""
TEXTS = ("sentence", "transfer")
BLOCK_ENDS = "#"
"""Begins a line of a file in the making, which tells how many blocks are complete; no row begins so: labels come first,
and such a label is refused."""


class StoredTransfer(NamedTuple):
    """labels: (A,) those of the sentence. sentence, transfer: prepared strings."""

    labels: tuple[int, ...]
    sentence: str
    transfer: str

    def line(self, attributes: Attributes) -> str:
        """A row of the file."""
        names = [table[label] for table, label in zip(attributes.labels, self.labels, strict=True)]
        return "\t".join((*names, self.sentence, self.transfer)) + "\n"


def header(attributes: Attributes) -> str:
    """The first line of the file; UserError for labels that it cannot hold."""
    wrong = [label for labels in attributes.labels for label in labels if "\t" in label or label.startswith(BLOCK_ENDS)]
    if wrong:
        raise UserError(f"the label {wrong[0]!r} has a tab or begins with {BLOCK_ENDS}; give it another name")
    return "\t".join((*attributes.names, *TEXTS)) + "\n"


def read_stored(path: Path, attributes: Attributes) -> Iterator[StoredTransfer]:
    """The rows of a file; UserError with the line where one is not a row of these attributes."""
    if not path.is_file():
        raise UserError(f"{display(path)}: no such file of stored transfers; make it with `{COMMAND}`")
    lines = read_lines(path)
    _, first = next(lines, (1, ""))
    wanted = header(attributes)[:-1]
    if first != wanted:
        columns = ", ".join(wanted.split("\t"))
        raise UserError(f"{display(path)}:1: the columns must be {columns}, with tabs between; `{COMMAND}` makes them")
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != len(attributes) + 2 or not all(cell.strip() for cell in cells):
            raise UserError(
                f"{display(path)}:{number}: {len(attributes) + 2} cells with text are wanted; remove the line"
            )
        try:
            labels = [attributes.find_of(*pair)[1] for pair in zip(attributes.names, cells, strict=False)]
        except UserError as error:
            raise UserError(f"{display(path)}:{number}: {error}; remove the line or correct the label") from None
        yield StoredTransfer(tuple(labels), cells[-2], cells[-1])


def stored_corpus(
    path: Path, attributes: Attributes, encode: Callable[[list[str]], list[list[int]]], max_tokens: int
) -> TokenizedCorpus:
    """Sentences and transfers of a file as ids, without those of no or more than `max_tokens` tokens."""
    rows = list(read_stored(path, attributes))
    sentences, transfers = (encode([getattr(row, name) for row in rows]) for name in TEXTS)
    fits = [0 < len(x) <= max_tokens and 0 < len(y) <= max_tokens for x, y in zip(sentences, transfers, strict=True)]
    kept = [place for place, good in enumerate(fits) if good]
    if not kept:
        raise UserError(f"{display(path)}: no transfer of 1 to {max_tokens} tokens to learn from")
    labels = np.array([rows[place].labels for place in kept], dtype=np.int64)
    return TokenizedCorpus(
        *flat([sentences[place] for place in kept]),
        labels[:, 0] if len(attributes) == 1 else labels,
        dropped=len(rows) - len(kept),
        transfers=FlatSentences(*flat([transfers[place] for place in kept])),
    )


class StoredWriter:
    """Writes a file block by block into PATH.partial, which becomes PATH when all are there.

    A writer of the same `origin` (what decides the rows) goes on after the last complete block of one that was stopped.
    """

    def __init__(self, path: Path, attributes: Attributes, origin: dict[str, Any]):
        self.path, self.attributes = path, attributes
        self.partial = path.with_name(f"{path.name}.partial")
        self.begin = f"{BLOCK_ENDS} {json.dumps(origin, sort_keys=True)}\n"
        first = header(attributes)
        self.done, size = self.completed()
        if not size:
            with self.told(), atomic_write(self.partial) as handle:
                handle.write(self.begin + first)
        else:
            os.truncate(self.partial, size)

    def completed(self) -> tuple[int, int]:
        """Blocks that are complete in a file of the same origin, and its bytes up to their end."""
        if not self.partial.is_file():
            return 0, 0
        blocks = size = read = 0
        with open(self.partial, "rb") as handle:
            for number, line in enumerate(handle):
                if number == 0 and line.decode(errors="replace") != self.begin:
                    raise UserError(
                        f"{display(self.partial)} was begun with another model or other options; "
                        "repeat them, or remove the file"
                    )
                read += len(line)
                if number == 1:
                    size = read
                elif number and line.startswith(BLOCK_ENDS.encode()) and line.endswith(b"\n"):
                    blocks, size = blocks + 1, read
        return blocks, size

    def add(self, rows: Sequence[StoredTransfer]) -> None:
        """Append the next block; UserError where it cannot be written, the blocks before it are kept."""
        with self.told(), open(self.partial, "a", encoding="utf-8", newline="\n") as handle:
            handle.writelines(row.line(self.attributes) for row in rows)
            handle.write(f"{BLOCK_ENDS}\n")
            handle.flush()
            os.fsync(handle.fileno())
        self.done += 1

    def finish(self) -> int:
        """Make the file of all blocks; returns how many rows it has."""
        rows = -1
        with self.told(), atomic_write(self.path, binary=True) as target, open(self.partial, "rb") as handle:
            for line in handle:
                if not line.startswith(BLOCK_ENDS.encode()):
                    target.write(line)
                    rows += 1
        self.partial.unlink()
        return rows

    @contextmanager
    def told(self) -> Iterator[None]:
        """What the system says, as an error that says what to do."""
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{display(self.path)} cannot be written ({error.strerror or error}); {display(self.partial)} has "
                f"{self.done} blocks: free some space and give the same command again"
            ) from error
