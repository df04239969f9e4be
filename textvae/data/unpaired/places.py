"""Where each word stands in the documents of a side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.data.tokenized import evenly_spaced
from textvae.data.unpaired.tokenized import TokenizedSide

MOST_INDEXED = 500_000  # documents: with 27 words each 0.3 GB while the index is built, and 0.1 GB after
CHUNK = 50_000


@dataclass(frozen=True)
class WordPlaces:
    """An inverted index of the documents' tokens.

    words: (R,) hashed ids, sorted. offsets: (R + 1,), word i stands at the places[offsets[i]:offsets[i+1]] of the
    side's flat ids. rare: a word is rare if it stands at 2 to so many places.
    """

    words: np.ndarray
    offsets: np.ndarray
    places: np.ndarray
    rare: int

    @classmethod
    def build(cls, side: TokenizedSide, rare: int) -> WordPlaces:
        """Index the documents of a side (MOST_INDEXED of them, evenly spaced)."""
        rows = evenly_spaced(len(side), MOST_INDEXED)
        tokens, places = [], []
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            lengths = side.lengths[chunk]
            owner = np.repeat(chunk, lengths)
            first = np.repeat(side.offsets[chunk] - (np.cumsum(lengths) - lengths), lengths)
            places.append(first + np.arange(len(owner)))
            tokens.append(side.hashed(side.ids[places[-1]].astype(np.int64), owner))
        flat, where = np.concatenate(tokens), np.concatenate(places)
        order = np.argsort(flat, kind="stable")
        words, counts = np.unique(flat, return_counts=True)
        return cls(words, np.concatenate(([0], counts.cumsum())), where[order], rare)

    def find(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For hashed ids (any shape) the number of the word in `words`, and at how many places it stands (0: none)."""
        number = np.minimum(np.searchsorted(self.words, ids), len(self.words) - 1)
        count = np.where(self.words[number] == ids, self.offsets[number + 1] - self.offsets[number], 0)
        return number, count

    def is_rare(self, ids: np.ndarray) -> np.ndarray:
        """Which hashed ids (any shape) are rare words, as bool."""
        count = self.find(ids)[1]
        rare: np.ndarray = (count >= 2) & (count <= self.rare)
        return rare

    def draw(self, ids: np.ndarray, candidates: int, rng: np.random.Generator) -> np.ndarray:
        """Places of hashed ids (N,), drawn evenly: (N, candidates), −1 for a word that no document has."""
        number, count = self.find(ids)
        drawn = (rng.random((len(ids), candidates)) * count[:, None]).astype(np.int64)
        found = self.places[np.where(count[:, None] > 0, self.offsets[number][:, None] + drawn, 0)]
        return np.where(count[:, None] > 0, found, -1)

    def draw_rare(self, tokens: np.ndarray, lengths: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """For texts of hashed ids (B, L), `count` places of a rare word of each: (B, count), −1 where it has none.

        A rare word of the text is drawn first, then one of its places.
        """
        rare: np.ndarray = np.logical_and(self.is_rare(tokens), np.arange(tokens.shape[1]) < lengths[:, None])
        picked = np.where(rare[:, None, :], rng.random((len(tokens), count, tokens.shape[1])), -1.0).argmax(axis=2)
        word = np.take_along_axis(tokens, picked, axis=1).ravel()
        places = self.draw(word, 1, rng).reshape(picked.shape)
        return np.where(rare.any(axis=1, keepdims=True), places, -1)
