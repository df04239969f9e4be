"""Files of documents: text with blank lines between them, or jsonl with a list of sentences or a text each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from textvae.data.cells import Columns, text_cell
from textvae.data.rows import ONE_SENTENCE, Part, fingerprint
from textvae.data.tables import ENDINGS, find_splits, jsonl_records
from textvae.errors import UserError
from textvae.extras.documents.config import DocumentDataConfig
from textvae.files import display, read_lines
from textvae.text import split_sentences


class Document(NamedTuple):
    """The sentences of a document, each with its line (of text; in jsonl all have the document's)."""

    sentences: list[tuple[str, int]]
    line: int  # counted from 1, where the document begins


Documents = dict[str, list[Part[Document]]]


def find_documents(config: DocumentDataConfig) -> tuple[Documents, str]:
    """The files of every split, unread but for their checksums, and the sha256 over all of them."""
    found = find_splits(config, (".txt",) if config.source == "text" else ENDINGS["jsonl"])
    read = READERS[config.source]
    splits = {
        split: [Part(display(path.name), display(path), functools.partial(read, path, config)) for path in paths]
        for split, paths in found.items()
        if paths
    }
    return splits, fingerprint((split, path) for split, paths in found.items() for path in paths)


def text_documents(path: Path, config: DocumentDataConfig) -> Iterator[Document]:
    """One sentence a line; blank lines end a document."""
    lines: list[tuple[str, int]] = []
    for number, line in read_lines(path, config.max_line_chars, ONE_SENTENCE):
        if line.strip():
            lines += [(sentence, number) for sentence in cut(line, config.split)]
        elif lines:
            yield Document(lines, lines[0][1])
            lines = []
    if lines:
        yield Document(lines, lines[0][1])


def jsonl_documents(path: Path, config: DocumentDataConfig) -> Iterator[Document]:
    """One JSON object a line; blank lines are skipped."""
    for record in jsonl_records(path, Columns([config.column], ("data.column",))):
        if record.cells:
            place = f"{display(path)}:{record.line}"
            found = sentences_cell(record.cells[0], config, place)
            yield Document([(sentence, record.line) for sentence in found], record.line)


def sentences_cell(value: Any, config: DocumentDataConfig, place: str) -> list[str]:
    """A list of sentences as it is, a text cut into sentences; null is a document without any."""
    if isinstance(value, str):
        return split_sentences(value)
    if value is not None and not isinstance(value, list):
        kind = type(value).__name__
        raise UserError(
            f"{place}: column {config.column!r} holds a {kind}, expected a list of sentences or a text; choose the "
            "column with --data.column, or mend the row"
        )
    texts = [text_cell(item, config.column, place) for item in value or []]
    return [sentence for text in texts for sentence in cut(text, config.split)]


def cut(text: str, split: bool) -> list[str]:
    """The sentences of a text, or the text itself."""
    return split_sentences(text) if split else [text]


READERS: dict[str, Callable[[Path, DocumentDataConfig], Iterator[Document]]] = {
    "text": text_documents,
    "jsonl": jsonl_documents,
}
