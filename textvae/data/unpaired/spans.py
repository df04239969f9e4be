"""Where each word stands in the documents of a side, and spans of words cut out of them, never through a word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.data.tokenized import evenly_spaced
from textvae.data.unpaired.slots import SlotVocabulary
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


CANDIDATES = 6


@dataclass(frozen=True)
class Cuts:
    """N spans: `lengths` (N,) tokens from the place `starts` (N,) of the flat ids on, all of document `rows` (N,)."""

    rows: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def where(self, chosen: np.ndarray, other: Cuts) -> Cuts:
        """These spans where `chosen` (N,), the other ones elsewhere."""
        return Cuts(
            np.where(chosen, self.rows, other.rows),
            np.where(chosen, self.starts, other.starts),
            np.where(chosen, self.lengths, other.lengths),
        )


@dataclass(frozen=True)
class SpanCutter:
    """Cuts spans out of the documents of a side. In all of it sizes are in tokens and N is the number of spans."""

    documents: TokenizedSide
    vocabulary: SlotVocabulary
    places: WordPlaces

    def row_of(self, places: np.ndarray) -> np.ndarray:
        """The documents in which places of the flat ids are."""
        rows: np.ndarray = np.searchsorted(self.documents.offsets, places, side="right") - 1
        return rows

    def tokens(self, cuts: Cuts) -> np.ndarray:
        """Hashed ids (N, m) of spans; what stands after a span's length means nothing."""
        inside = np.arange(max(int(cuts.lengths.max(initial=0)), 1))
        places = np.minimum(cuts.starts[:, None] + inside, len(self.documents.ids) - 1)
        within = places < self.documents.offsets[cuts.rows + 1][:, None]
        ids = np.where(within, self.documents.ids[places], 0).astype(np.int64)
        return self.documents.hashed(ids, cuts.rows[:, None])

    def anywhere(
        self,
        rows: np.ndarray,
        least: int,
        most: np.ndarray,
        at_start: np.ndarray,
        at_end: np.ndarray,
        full_stop: np.ndarray,
        rng: np.random.Generator,
    ) -> Cuts:
        """Spans of `least` to `most` (N,) tokens from documents `rows` (N,): from their beginning, end, or any place.

        Only where `full_stop` (N,) may a span hold the full stop that ends its document.
        """
        size = np.minimum(rng.integers(least, np.maximum(most, least) + 1), most)
        lengths, borders = self.borders(rows, full_stop)
        places = np.arange(borders.shape[1])
        latest = np.maximum(lengths - size, 0)[:, None]  # where a span of full size may begin at the latest
        start = np.where(at_start, 0, _pick(borders & (places <= latest), rng))
        from_end = np.where(borders & (places >= latest), places, places[-1] + 1).min(axis=1)
        start = np.where(at_end, from_end, start)
        stop = np.where(borders & (places <= (start + size)[:, None]), places, 0).max(axis=1)
        return Cuts(rows, self.documents.offsets[rows] + start, np.maximum(stop - start, 0))

    def clauses(
        self,
        rows: np.ndarray,
        most: np.ndarray,
        at_start: np.ndarray,
        at_end: np.ndarray,
        full_stop: np.ndarray,
        rng: np.random.Generator,
    ) -> Cuts:
        """Spans of `most` (N,) tokens at most from documents `rows` (N,), from one comma to another, both included.

        At the beginning and the end of a document one comma is enough. Length 0 where a document has no such span.
        """
        begin = self.documents.offsets[rows]
        stop = np.where(full_stop, self.documents.offsets[rows + 1], self.stops(rows)) - begin
        places = np.arange(int(stop.max(initial=1)) + 1)
        ids = self.documents.ids[np.minimum(begin[:, None] + places, len(self.documents.ids) - 1)]
        comma = self.vocabulary.pausing[ids] & (places < stop[:, None])
        opens = np.where(at_start[:, None], places == 0, comma)
        closes = np.where(at_end[:, None], places == stop[:, None], np.roll(comma, 1, axis=1) & (places > 0))
        length = places - places[:, None]
        pairs = opens[:, :, None] & closes[:, None, :] & (length >= 3) & (length <= most[:, None, None])
        row, start, end = np.nonzero(pairs)
        order = np.lexsort((rng.random(len(row)), row))  # of each row's spans a random one comes first
        found, first = np.unique(row[order], return_index=True)
        starts, lengths = begin.copy(), np.zeros_like(begin)
        starts[found] += start[order][first]
        lengths[found] = (end - start)[order][first]
        return Cuts(rows, starts, lengths)

    def fluent(
        self, left: np.ndarray, right: np.ndarray, least: np.ndarray, most: np.ndarray, rng: np.random.Generator
    ) -> Cuts:
        """Spans that follow the word `left` (N,) in their documents, and precede the word `right` (N,) if one does.

        Hashed ids; 0 for no word: then only the other side fits. Length 0 where no document has the word.
        """
        forward = left != 0
        width = int(most.max(initial=1)) + 1
        anchors = self.places.draw(np.where(forward, left, right), CANDIDATES, rng)  # (N, K)
        rows = self.row_of(np.maximum(anchors, 0))
        steps = np.arange(width)
        places = np.where(forward[:, None, None], anchors[:, :, None] + 1 + steps, anchors[:, :, None] - steps)
        first, last = self.documents.offsets[rows][:, :, None], self.stops(rows)[:, :, None]
        inside = (places >= first) & (places <= last) & (anchors >= 0)[:, :, None]
        ids = np.where(inside & (places < last), self.documents.ids[np.clip(places, 0, len(self.documents.ids) - 1)], 0)
        ids = self.documents.hashed(ids.astype(np.int64), rows[:, :, None])
        starts = self.vocabulary.word_starts[np.where(ids < self.vocabulary.size, ids, 0)]
        border = inside & (starts | (places == first) | (places == last))
        allowed = border & border[:, :, :1] & (steps >= 1) & (steps <= most[:, None, None])
        fits = allowed & forward[:, None, None] & (ids == right[:, None, None]) & (right != 0)[:, None, None]
        score = allowed + np.where(steps >= np.minimum(least, most)[:, None, None], 2.0 * allowed + 3.0 * fits, 0.0)
        best = (score + rng.random(score.shape)).reshape(len(left), CANDIDATES * width).argmax(axis=1)
        candidate, length = np.divmod(best, width)
        found = np.take_along_axis(score.reshape(len(left), CANDIDATES * width), best[:, None], axis=1)[:, 0] > 0
        anchor = np.take_along_axis(anchors, candidate[:, None], axis=1)[:, 0]
        start = np.where(forward, anchor + 1, anchor - length)
        row = np.take_along_axis(rows, candidate[:, None], axis=1)[:, 0]
        return Cuts(row, np.where(found, start, self.documents.offsets[row]), np.where(found, length, 0))

    def stops(self, rows: np.ndarray) -> np.ndarray:
        """Where documents (any shape) end in the flat ids, the full stop that ends them left out."""
        end = self.documents.offsets[rows + 1]
        last = self.documents.ids[end - 1]
        closed = self.vocabulary.closing[last] & (end - self.documents.offsets[rows] > 1)
        stop: np.ndarray = end - closed
        return stop

    def borders(self, rows: np.ndarray, full_stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (N,) of documents and the places (N, L + 1) bool where a word begins or the document ends."""
        begin = self.documents.offsets[rows]
        lengths = np.where(full_stop, self.documents.offsets[rows + 1], self.stops(rows)) - begin
        places = np.arange(int(lengths.max(initial=1)) + 1)
        ids = self.documents.ids[np.minimum(begin[:, None] + places, len(self.documents.ids) - 1)]
        return lengths, word_borders(ids, lengths, self.vocabulary)


def word_borders(ids: np.ndarray, lengths: np.ndarray, vocabulary: SlotVocabulary) -> np.ndarray:
    """(N, P) bool: the places up to `lengths` (N,) before which no word of ids (N, P) goes on; hashed ids are words."""
    places = np.arange(ids.shape[1])
    starts = vocabulary.word_starts[np.where(ids < vocabulary.size, ids, 0)] | (places == 0)
    borders: np.ndarray = (starts & (places < lengths[:, None])) | (places == lengths[:, None])
    return borders


def _pick(allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One allowed place in each row, evenly: (N, P) bool to (N,)."""
    picked: np.ndarray = np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=1)
    return picked
