"""noise(y): a human text y made to look like a document whose summary is y.

Spans of other documents are put before, inside and after y, a few of its words are dropped or change places. Undoing
this teaches what to leave out without a single pair (compare Fevry & Phang 2018, sec. 3.1, who sample the words of one
other sentence). Two kinds of spans are hard to tell from y, so that more must be learnt than where the text is broken:
those from documents that share a rare word with y speak of the same matter, and fluent ones go on from the word before
them as their own document does, and where one is found lead to the word after them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.data.noise import corrupt
from textvae.data.unpaired.config import SummaryNoiseConfig
from textvae.data.unpaired.slots import SlotVocabulary
from textvae.data.unpaired.spans import Cuts, SpanCutter, WordPlaces, word_borders
from textvae.data.unpaired.tokenized import TokenizedSide
from textvae.tokenization.config import SPECIAL


@dataclass(frozen=True)
class Spans:
    """Foreign spans of B texts, at most S each, m tokens at most.

    tokens: (B, S, m) hashed ids (see TokenizedSide.extended). lengths: (B, S), 0 for no span.
    gaps: (B, S) a span stands before the text's token of this number. documents: (B, S) where it is from.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    gaps: np.ndarray
    documents: np.ndarray


class SummaryNoise:
    """The noise over the documents of the training side."""

    def __init__(
        self,
        config: SummaryNoiseConfig,
        documents: TokenizedSide,
        vocabulary: SlotVocabulary,
        max_tokens: int | None = None,
    ) -> None:
        self.config = config
        self.documents = documents
        self.vocabulary = vocabulary
        longest = int(documents.lengths.max(initial=1)) if max_tokens is None else max_tokens
        self.max_tokens = config.max_tokens or longest
        self.places = WordPlaces.build(documents, max(10, round(config.rare * len(documents))))
        self.cutter = SpanCutter(documents, vocabulary, self.places)

    def __call__(
        self, tokens: np.ndarray, lengths: np.ndarray, keys: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Texts as hashed ids (B, L), lengths (B,), hashed ids of their documents (B,), to noise(y) and its lengths."""
        own, own_lengths = self.noised(tokens, lengths, rng)
        spans = self.draw(tokens, lengths, keys, own, own_lengths, rng)
        return insert(own, own_lengths, spans)

    def noised(
        self, tokens: np.ndarray, lengths: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Texts (B, L) with words dropped and moved, but for the full stop at the end; and their lengths (B,)."""
        config, closed, rows = self.config.words(), self.closed(tokens, lengths), np.arange(len(tokens))
        stop = tokens[rows, lengths - 1]
        own, own_lengths = corrupt(
            tokens, lengths - closed, config, self.vocabulary.words, SPECIAL.mask, rng, self.kept, self.starts
        )
        own = np.array(own)  # corrupt may give its argument back
        own[rows[closed], own_lengths[closed]] = stop[closed]
        return own, own_lengths + closed

    def starts(self, ids: np.ndarray) -> np.ndarray:
        """(any shape) bool: tokens that begin a word."""
        starts: np.ndarray = self.vocabulary.word_starts[np.where(ids < self.vocabulary.size, ids, 0)]
        return starts

    def kept(self, ids: np.ndarray) -> np.ndarray:
        """(any shape) bool: words that nothing could restore, those outside the vocabulary and the rare ones."""
        kept: np.ndarray = (ids >= self.vocabulary.words) | self.places.is_rare(ids)
        return kept

    def draw(
        self,
        tokens: np.ndarray,
        lengths: np.ndarray,
        keys: np.ndarray,
        own: np.ndarray,
        own_lengths: np.ndarray,
        rng: np.random.Generator,
    ) -> Spans:
        """Spans for the clean `tokens`, to be put into the noised `own`."""
        config = self.config
        most = np.concatenate((self.sizes(own_lengths, rng), self.fills(own_lengths, rng)), axis=1)
        shape, fill = most.shape, np.arange(most.shape[1]) >= config.max_spans
        side = np.where(fill, config.before, rng.random(most.shape))
        before, after = side < config.before, (side >= 1.0 - config.after) & ~fill
        gaps = self.gaps(own, own_lengths, before, after, rng)

        at = np.nonzero(most)  # the N spans there are: text, number
        row, most_N = at[0], most[at]
        behind = np.cumsum((after & (most > 0))[:, ::-1], axis=1)[:, ::-1]  # spans after the text from this one on
        stop = after & (behind == 1) & ~self.closed(own, own_lengths)[:, None]  # its own full stop is enough
        ends = before[at] & (rng.random(len(row)) < 0.5), after[at], stop[at]
        found = self.places.draw_rare(tokens, lengths, shape[1], rng)[at]
        small = fill[at[1]]
        use = (found >= 0) & (rng.random(len(row)) < config.related) & ~small
        drawn = np.where(use, self.cutter.row_of(np.maximum(found, 0)), rng.integers(0, len(self.documents), len(row)))
        cuts = self.cutter.anywhere(drawn, config.min_words, most_N, *ends, rng)
        whole = self.cutter.clauses(drawn, most_N, *ends, rng)
        clause = (whole.lengths > 0) & (rng.random(len(row)) < config.clauses) & ~small
        cuts = whole.where(clause, cuts)
        left, right = neighbours(own, own_lengths, gaps)
        least = np.where(small, 1, config.min_words)
        smooth = self.cutter.fluent(left[at], right[at], least, most_N, rng)
        use |= stop[at] | clause  # what ends noise(y) is the end of a document
        wish = small | (rng.random(len(row)) < config.fluent)
        cuts = smooth.where(~use & (smooth.lengths > 0) & wish, cuts)

        spare = rng.integers(0, len(self.documents), len(row))
        other = self.cutter.anywhere(spare, config.min_words, most_N, *ends, rng)
        cuts = other.where(self.may_be_own(tokens[row], lengths[row], keys[row], cuts.rows), cuts)
        mine = self.may_be_own(tokens[row], lengths[row], keys[row], cuts.rows)
        return _arranged(Cuts(cuts.rows, cuts.starts, np.where(mine, 0, cuts.lengths)), at, gaps, self.cutter)

    def sizes(self, own_lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Most words (B, S) of each of the foreign spans, 0 for no span."""
        config, numbers = self.config, np.arange(self.config.max_spans)
        wanted = numbers < rng.integers(config.min_spans, config.max_spans + 1, (len(own_lengths), 1))
        room = np.maximum(self.max_tokens - own_lengths, 0)[:, None] - numbers * config.max_words
        sizes: np.ndarray = np.where(wanted, np.clip(room, 0, config.max_words), 0)
        return sizes

    def fills(self, own_lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Most words (B, F) of each fill: as many as there are room and a place inside for."""
        config = self.config
        room = self.max_tokens - own_lengths - config.max_spans * config.max_words
        wanted = np.arange(config.max_fills) < rng.integers(0, config.max_fills + 1, (len(own_lengths), 1))
        fills: np.ndarray = np.where(
            wanted & (room >= 2 * config.max_fills)[:, None] & (own_lengths > 2)[:, None], 2, 0
        )
        return fills

    def may_be_own(
        self, tokens: np.ndarray, lengths: np.ndarray, keys: np.ndarray, documents: np.ndarray
    ) -> np.ndarray:
        """(N,) bool: documents (N,) that have the id of texts (N, L), or too many of their words."""
        theirs, _ = self.documents.extended(documents)
        valid = np.arange(tokens.shape[1]) < lengths[:, None]
        held = (tokens[:, :, None] == theirs[:, None, :]).any(axis=2) & valid
        share = held.sum(axis=1) / np.maximum(lengths, 1)
        mine: np.ndarray = ((keys != 0) & (self.documents.keys[documents] == keys)) | (share >= self.config.own)
        return mine

    def closed(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """(N,) bool: whether hashed ids (N, L) end with a full stop that more than itself stands before."""
        last = ids[np.arange(len(ids)), lengths - 1]
        ending: np.ndarray = self.vocabulary.closing[np.where(last < self.vocabulary.size, last, 0)] & (lengths > 1)
        return ending

    def gaps(
        self, own: np.ndarray, lengths: np.ndarray, before: np.ndarray, after: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Where each span goes, (B, S): 0 before the text, its length after it (but for its full stop)."""
        end = lengths - self.closed(own, lengths)
        places = np.arange(own.shape[1] + 1)
        inner = word_borders(np.pad(own, ((0, 0), (0, 1))), lengths, self.vocabulary)
        inner &= (places > 0) & (places < end[:, None])
        inner[~inner.any(axis=1), 0] = True  # a text of one word has no inside
        draws = rng.random((*before.shape, len(places)))
        inside = np.where(inner[:, None, :], draws, -1.0).argmax(axis=2)
        return np.where(before, 0, np.where(after, end[:, None], inside)).astype(np.int64)


def neighbours(own: np.ndarray, lengths: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The words before and after each gap (B, S) of texts (B, L), 0 for none: (B, S) each."""
    left = np.where(gaps > 0, np.take_along_axis(own, np.maximum(gaps - 1, 0), axis=1), 0)
    inside = gaps < lengths[:, None]
    right = np.where(inside, np.take_along_axis(own, np.minimum(gaps, own.shape[1] - 1), axis=1), 0)
    return left, right


def _arranged(cuts: Cuts, at: tuple[np.ndarray, ...], gaps: np.ndarray, cutter: SpanCutter) -> Spans:
    """Spans (N,) at their texts and numbers."""
    found = cutter.tokens(cuts)
    tokens = np.zeros((*gaps.shape, found.shape[1]), dtype=np.int64)
    lengths, documents = np.zeros_like(gaps), np.zeros_like(gaps)
    tokens[at], lengths[at], documents[at] = found, cuts.lengths, cuts.rows
    return Spans(tokens, lengths, gaps, documents)


def insert(own: np.ndarray, lengths: np.ndarray, spans: Spans) -> tuple[np.ndarray, np.ndarray]:
    """Texts (B, L) with spans put in: (B, L') and lengths (B,). One sort of all tokens by where they go."""
    batch, slots, width = spans.tokens.shape
    unit = slots * width + 1  # places between two tokens of the text
    own_place = np.where(np.arange(own.shape[1]) < lengths[:, None], np.arange(own.shape[1]) * unit + unit - 1, np.inf)
    within = np.arange(slots)[:, None] * width + np.arange(width)
    span_place = np.where(
        np.arange(width) < spans.lengths[:, :, None], spans.gaps[:, :, None] * unit + within, np.inf
    ).reshape(batch, -1)
    order = np.concatenate((own_place, span_place), axis=1).argsort(axis=1, kind="stable")
    total = lengths + spans.lengths.sum(axis=1)
    tokens = np.concatenate((own, spans.tokens.reshape(batch, -1)), axis=1)
    return np.take_along_axis(tokens, order, axis=1)[:, : int(total.max(initial=1))], total
