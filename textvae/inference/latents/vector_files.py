"""Vectors of sentences in files: npz for what fits into memory, Arrow IPC for any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from textvae.errors import UserError

SUFFIXES = (".npz", ".arrow")


@dataclass(frozen=True)
class Source:
    """Where vectors come from: fingerprint of the model, and the part of its latent."""

    model: str
    part: str
    size: int

    def check(self, other: Source, name: str) -> None:
        """UserError unless vectors of both can be compared."""
        if self.model != other.model:
            raise UserError(f"{name} holds vectors of another model; encode the text again with this one")
        if (self.part, self.size) != (other.part, other.size):
            raise UserError(f"{name} holds the part {other.part!r} of the latent, not {self.part!r}; use --part")


@dataclass(frozen=True)
class Rows:
    """texts (n), vectors (n, Z), labels (n) or None."""

    texts: list[str]
    vectors: np.ndarray
    labels: list[str] | None = None


def check_suffix(path: Path) -> None:
    """UserError for a name that says no format."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path}: vectors are written as {' or '.join(SUFFIXES)}; name the file so")


class NpzWriter:
    """`vectors` (N, Z) float32, `texts` (N,), `labels` (N,) if any, `model`, `part`. Held in memory until the end."""

    def __init__(self, handle: IO[bytes], source: Source):
        self.handle, self.source, self.rows = handle, source, list[Rows]()

    def add(self, rows: Rows) -> None:
        """Take in rows."""
        self.rows.append(rows)

    def close(self) -> None:
        """Write."""
        empty = np.zeros((0, self.source.size), np.float32)
        arrays: dict[str, Any] = {
            "vectors": np.concatenate([empty, *(rows.vectors for rows in self.rows)]),
            "texts": np.array([text for rows in self.rows for text in rows.texts], dtype=np.str_),
            "model": np.array(self.source.model),
            "part": np.array(self.source.part),
        }
        if any(rows.labels is not None for rows in self.rows):
            arrays["labels"] = np.array([label for rows in self.rows for label in rows.labels or []], dtype=np.str_)
        np.savez(self.handle, **arrays)


class ArrowWriter:
    """Columns `text`, `label` (null where there is none) and `vector` (Z float32), in batches as they come."""

    def __init__(self, handle: IO[bytes], source: Source):
        import pyarrow as pa

        vector = pa.list_(pa.float32(), source.size)
        fields = [("text", pa.string()), ("label", pa.string()), ("vector", vector)]
        self.schema = pa.schema(fields, metadata={"model": source.model, "part": source.part})
        self.file = pa.ipc.new_file(handle, self.schema)

    def add(self, rows: Rows) -> None:
        """Write a batch."""
        import pyarrow as pa

        flat = pa.array(np.ascontiguousarray(rows.vectors, np.float32).reshape(-1))
        vectors = pa.FixedSizeListArray.from_arrays(flat, rows.vectors.shape[1])
        given: list[str | None] = [None] * len(rows.texts) if rows.labels is None else [*rows.labels]
        labels = pa.array(given, pa.string())
        columns = [pa.array(rows.texts, pa.string()), labels, vectors]
        self.file.write_batch(pa.record_batch(columns, schema=self.schema))

    def close(self) -> None:
        """Write the end."""
        self.file.close()


WRITERS: dict[str, Callable[[IO[bytes], Source], NpzWriter | ArrowWriter]] = {".npz": NpzWriter, ".arrow": ArrowWriter}


def read_vectors(path: Path) -> tuple[Source, Iterator[Rows]]:
    """Where the vectors of a file come from, and its rows in batches; an Arrow file stays on disk."""
    try:
        return _read_npz(path) if path.suffix == ".npz" else _read_arrow(path)
    except (OSError, ValueError, KeyError, EOFError) as error:  # ArrowInvalid is a ValueError
        raise UserError(f"{path} is no file of vectors that `textvae encode` wrote, or damaged: {error}") from error


def _read_npz(path: Path) -> tuple[Source, Iterator[Rows]]:
    import zipfile

    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = dict(found)
    except zipfile.BadZipFile as error:
        raise ValueError(error) from error
    vectors, texts = arrays["vectors"], arrays["texts"].tolist()
    if vectors.ndim != 2 or len(texts) != len(vectors):
        raise ValueError(f"{len(texts)} texts and vectors of the shape {vectors.shape}")
    labels = arrays["labels"].tolist() if "labels" in arrays else None
    return Source(str(arrays["model"]), str(arrays["part"]), vectors.shape[1]), iter([Rows(texts, vectors, labels)])


def _read_arrow(path: Path) -> tuple[Source, Iterator[Rows]]:
    import pyarrow as pa

    file = pa.ipc.open_file(pa.memory_map(str(path)))
    metadata = file.schema.metadata or {}
    source = Source(metadata[b"model"].decode(), metadata[b"part"].decode(), file.schema.field("vector").type.list_size)

    def rows() -> Iterator[Rows]:
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            vectors = batch.column("vector").flatten().to_numpy().reshape(-1, source.size)
            labels = batch.column("label").to_pylist()
            yield Rows(batch.column("text").to_pylist(), vectors, None if None in labels else labels)

    return source, rows()


Opened = Callable[[], AbstractContextManager[IO[bytes]]]
"""Opens the output, whole or not at all."""


def write_vectors(opened: Opened, suffix: str, source: Source, rows: Iterator[Rows]) -> int:
    """Write all rows; returns how many. suffix: one of `SUFFIXES`."""
    count = 0
    with opened() as handle:
        writer = WRITERS[suffix](handle, source)
        for found in rows:
            writer.add(found)
            count += len(found.texts)
        writer.close()
    return count


def labelled(blocks: Iterator[tuple[list[str], np.ndarray]], labels: Sequence[str] | None) -> Iterator[Rows]:
    """Rows with the labels of lines; UserError where there are more or fewer labels than lines."""
    done = 0
    for texts, vectors in blocks:
        mine = None if labels is None else list(labels[done : done + len(texts)])
        done += len(texts)
        if mine is not None and len(mine) < len(texts):
            raise UserError(f"there are {len(labels or ())} labels for at least {done} lines; give one a line")
        yield Rows(texts, vectors, mine)
    if labels is not None and done != len(labels):
        raise UserError(f"there are {len(labels)} labels for {done} lines; give one a line")
