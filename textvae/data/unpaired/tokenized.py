"""Token ids of one side of the data, with its unknown words told apart by hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textvae.data.tokenized import FlatSentences, FlatWriter, flat, load_arrays, write_once
from textvae.data.unpaired.slots import SlotSentence, SlotVocabulary
from textvae.errors import UserError

FIRST_HASH = 1 << 32  # a hashed word is greater than every id


@dataclass(frozen=True)
class TokenizedSide(FlatSentences):
    """N texts: ids in the order of the source, slot ids >= V in the order of first appearance.

    unknown: (all unknown words,) int64, the hash of every slot's word; those of text i are
    unknown[unknown_offsets[i]:unknown_offsets[i+1]], slot s has the s-th. So the same name in two texts is known to be
    the same. keys: (N,) int64, a hash of the text's id, 0 where it has none.
    words: V. dropped: texts left out because they have no token or too many; cut: documents cut to the maximum.
    """

    unknown: np.ndarray
    unknown_offsets: np.ndarray
    keys: np.ndarray
    words: int
    dropped: int = 0
    cut: int = 0

    @classmethod
    def of(cls, sentences: Sequence[SlotSentence], words: int, keys: Sequence[int] | None = None) -> TokenizedSide:
        """A small side in memory."""
        ids, offsets = flat([s.ids for s in sentences])
        unknown = [[word_hash(w) for w in s.words] for s in sentences]
        table = np.asarray([h for row in unknown for h in row], dtype=np.int64)
        starts = np.concatenate(([0], np.cumsum([len(row) for row in unknown], dtype=np.int64)))
        marks = np.zeros(len(sentences), dtype=np.int64) if keys is None else np.asarray(keys, dtype=np.int64)
        return cls(ids, offsets, table, starts, marks, words)

    @classmethod
    def load(cls, folder: Path) -> TokenizedSide:
        """Map the arrays that `tokenize_side` wrote."""
        ids, offsets, unknown, unknown_offsets, keys, counts = load_arrays(
            folder, "ids", "offsets", "unknown", "unknown_offsets", "keys", "counts"
        )
        # plain arrays over the mapped files: slicing a memmap costs five times as much
        mapped = [np.asarray(a) for a in (ids, offsets, unknown, unknown_offsets, keys)]
        return cls(mapped[0], mapped[1], mapped[2], mapped[3], mapped[4], *map(int, counts))

    def extended(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Texts `rows` (B,), padded: (B, L) int64 with the word's hash in place of its slot, and lengths (B,)."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        width = int(lengths.max(initial=1))
        places = self.offsets[rows][:, None] + np.arange(width)
        valid = np.arange(width) < lengths[:, None]
        ids = self.ids[np.where(valid, places, 0)].astype(np.int64)
        return self.hashed(np.where(valid, ids, 0), rows[:, None]), lengths

    def hashed(self, ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """`ids` of the texts `rows` (same shape, or broadcast to it) with the word's hash in place of its slot."""
        slots = np.nonzero(ids >= self.words)
        if len(slots[0]):
            rows = np.broadcast_to(rows, ids.shape)[slots]
            ids[slots] = self.unknown[self.unknown_offsets[rows] + ids[slots] - self.words]
        return ids


def word_hash(word: str) -> int:
    """62 bits that stand for a word, above every id."""
    return FIRST_HASH | int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little") >> 2


def tokenize_side(
    dataset: Any, vocabulary: SlotVocabulary, max_tokens: int, folder: Path, cut: bool = False
) -> TokenizedSide:
    """Token ids of a `datasets.Dataset` with columns text and id, written to `folder` once and mapped from there.

    Texts of more than `max_tokens` tokens are left out, or cut to that many if `cut`. Streams 10,000 at a time.
    """
    write_once(folder, lambda into: _write(dataset, vocabulary, max_tokens, into, cut))
    side = TokenizedSide.load(folder)
    if not len(side):
        raise UserError(f"no text of 1 to {max_tokens} tokens; is max_tokens too small?")
    return side


def _write(dataset: Any, vocabulary: SlotVocabulary, max_tokens: int, folder: Path, cut: bool) -> None:
    ids, unknown = FlatWriter(folder), FlatWriter(folder, "unknown", "unknown_offsets", np.int64)
    keys: list[np.ndarray] = []
    counts = np.zeros(3, dtype=np.int64)
    counts[0] = vocabulary.words
    for start in range(0, len(dataset), 10_000):
        rows = dataset[start : start + 10_000]
        encoded = vocabulary.encode(rows["text"])
        counts[2] += sum(cut and len(s.ids) > max_tokens for s in encoded)
        shortened = [SlotSentence(s.ids[:max_tokens] if cut else s.ids, s.words) for s in encoded]
        kept = [i for i, s in enumerate(shortened) if 0 < len(s.ids) <= max_tokens]
        counts[1] += len(encoded) - len(kept)
        ids.write([shortened[i].ids for i in kept])
        unknown.write([[word_hash(w) for w in shortened[i].words] for i in kept])
        keys.append(np.fromiter((_key(rows["id"][i]) for i in kept), dtype=np.int64, count=len(kept)))
    ids.close()
    unknown.close()
    np.save(folder / "keys.npy", np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64))
    np.save(folder / "counts.npy", counts)


def _key(identity: str) -> int:
    return word_hash(identity) if identity else 0
