"""Token ids of a corpus as three flat arrays, memory-mapped."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textvae.errors import UserError

Encode = Callable[[list[str]], list[list[int]]]


def evenly_spaced(count: int, limit: int) -> np.ndarray:
    """At most `limit` of the numbers 0 … count − 1, ascending."""
    return np.unique(np.linspace(0, count - 1, min(limit, count)).astype(np.int64))


@dataclass(frozen=True)
class FlatSentences:
    """N sentences.

    ids: (total,) int32, all sentences end to end. offsets: (N + 1,) int64, sentence i is ids[offsets[i]:offsets[i+1]].
    An epoch of batches over 443k sentences takes .1 s from these arrays and 3 s from Arrow rows.
    """

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per sentence, (N,)."""
        return np.diff(self.offsets)

    def sentence(self, index: int) -> np.ndarray:
        """Token ids of one sentence."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]


@dataclass(frozen=True)
class TokenizedCorpus(FlatSentences):
    """Sentences with labels.

    labels: (N,) int64, with several attributes (N, A). dropped: sentences left out because they have no
    token or more than the model's maximum. groups: (N,) int64, the same for sentences that share a factor, 0 for none;
    None where the data name no groups. transfers: of each sentence what a model made of it in another style, where that
    is known before the training (`data/stored.py`).
    """

    labels: np.ndarray
    dropped: int = 0
    groups: np.ndarray | None = None
    transfers: FlatSentences | None = None

    @classmethod
    def from_lists(
        cls, sentences: list[list[int]], labels: Sequence[Any] | np.ndarray, groups: Sequence[int] | None = None
    ) -> TokenizedCorpus:
        """A small corpus in memory (tests, development sets)."""
        numbers = None if groups is None else np.asarray(groups, dtype=np.int64)
        return cls(*flat(sentences), np.asarray(labels, dtype=np.int64), groups=numbers)

    @classmethod
    def load(cls, folder: Path) -> TokenizedCorpus:
        """Map the arrays that `tokenize_corpus` wrote."""
        ids, offsets, labels, dropped = load_arrays(folder, "ids", "offsets", "labels", "dropped")
        groups = load_arrays(folder, "groups")[0] if (folder / "groups.npy").exists() else None
        return cls(ids, offsets, labels, int(dropped), groups)


def flat(sentences: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lists as flat ids (total,) int32 and offsets (N + 1,) int64."""
    offsets = np.zeros(len(sentences) + 1, dtype=np.int64)
    np.cumsum([len(s) for s in sentences], out=offsets[1:])
    return np.fromiter((t for s in sentences for t in s), dtype=np.int32, count=int(offsets[-1])), offsets


def load_arrays(folder: Path, *names: str) -> list[np.ndarray]:
    """Memory-mapped arrays of a folder."""
    return [np.load(folder / f"{name}.npy", mmap_mode="r") for name in names]


def write_once(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill `folder` unless it is there. It appears whole or not at all, whoever else writes it."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        write(temporary)
        if not folder.exists():  # another process may have been first
            os.replace(temporary, folder)
    except OSError as error:
        if not folder.exists():
            raise UserError(f"{folder}: cannot write the tokenized corpus: {error}. Free some space?") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class FlatWriter:
    """Writes sentences as they come to `ids.npy` and `offsets.npy` of a folder; `close` completes them."""

    def __init__(self, folder: Path, ids: str = "ids", offsets: str = "offsets", dtype: type = np.int32) -> None:
        self.folder, self.ids, self.offsets, self.dtype = folder, ids, offsets, dtype
        self.lengths: list[np.ndarray] = []
        self.raw = folder / f"{ids}.raw"
        self.raw.touch()

    def write(self, sentences: Sequence[Sequence[int]]) -> None:
        """Append sentences."""
        with open(self.raw, "ab") as raw:
            raw.write(np.fromiter((t for ids in sentences for t in ids), dtype=self.dtype).tobytes())
        self.lengths.append(np.fromiter((len(ids) for ids in sentences), dtype=np.int64, count=len(sentences)))

    def close(self) -> None:
        """Write the arrays."""
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), *self.lengths]).cumsum()
        whole = np.memmap(self.raw, dtype=self.dtype, mode="r") if offsets[-1] else np.zeros(0, dtype=self.dtype)
        np.save(self.folder / f"{self.ids}.npy", whole)
        np.save(self.folder / f"{self.offsets}.npy", offsets)
        self.raw.unlink()


def _chunks(
    dataset: Any, encode: Encode, max_tokens: int, size: int = 10_000
) -> Iterator[tuple[list, dict[str, list], int]]:
    """Sentences, their numbers by column, and how many were left out."""
    for start in range(0, len(dataset), size):
        rows = dataset[start : start + size]
        encoded = encode(rows["text"])
        keep = [0 < len(ids) <= max_tokens for ids in encoded]
        kept = [ids for ids, ok in zip(encoded, keep, strict=True) if ok]
        numbers = {
            name: [value for value, ok in zip(rows[name], keep, strict=True) if ok]
            for name in ("label", "group")
            if name in rows
        }
        yield kept, numbers, len(encoded) - len(kept)


def tokenize_corpus(dataset: Any, encode: Encode, max_tokens: int, folder: Path) -> TokenizedCorpus:
    """Token ids of a `datasets.Dataset` with columns text and label, written to `folder` once and mapped from there.

    Streams: only 10,000 sentences are in memory at a time. The folder appears whole or not at all.
    """
    write_once(folder, lambda into: _write(dataset, encode, max_tokens, into))
    corpus = TokenizedCorpus.load(folder)
    if not len(corpus):
        raise UserError(f"no sentence of 1 to {max_tokens} tokens; is data.max_tokens too small?")
    return corpus


def _write(dataset: Any, encode: Encode, max_tokens: int, folder: Path) -> None:
    writer = FlatWriter(folder)
    found: dict[str, list[np.ndarray]] = {"label": []}
    dropped = 0
    for kept, numbers, left_out in _chunks(dataset, encode, max_tokens):
        writer.write(kept)
        for name, values in numbers.items():
            if values:  # (n,), or labels (n, A)
                found.setdefault(name, []).append(np.asarray(values, dtype=np.int64))
        dropped += left_out
    writer.close()
    for name, arrays in found.items():
        np.save(folder / f"{name}s.npy", np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64))
    np.save(folder / "dropped.npy", np.asarray(dropped))
