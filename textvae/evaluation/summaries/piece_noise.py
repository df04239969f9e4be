"""Noise that makes a document out of a short text: runs of words of other documents are inserted into it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from textvae.evaluation.summaries.config import TaggerConfig

Labelled = tuple[list[str], list[bool]]
FEWEST, MOST = 2, 200


class PieceNoise:
    """`noise(text, rng)`: the words of `text` among pieces of documents, and which of them are the text's.

    What makes the result look like a document rather than like two texts, so that there is something to learn:
    pieces come mostly from documents that share a rare word with the text; a piece before the text is the beginning of
    its document, one after it the end, one inside is from anywhere; and where human texts end in a full stop, that of
    the text closes the whole, not the middle of it.
    """

    def __init__(self, documents: Sequence[Sequence[str]], config: TaggerConfig, ending: str = "") -> None:
        """`ending`: the mark that human texts usually end with (see `lead.usual_ending`)."""
        self.documents = [_without(words, ending) for words in documents]
        self.config = config
        self.ending = ending
        self.odds = np.array(config.odds) / sum(config.odds)
        counts = Counter(word for words in self.documents for word in set(words))
        self.count = {w: n for w, n in counts.items() if FEWEST <= n <= MOST and any(map(str.isalpha, w))}
        self.having: dict[str, list[int]] = defaultdict(list)
        for row, words in enumerate(self.documents):
            for word in set(words) & self.count.keys():
                self.having[word].append(row)

    def __call__(self, text: Sequence[str], rng: np.random.Generator) -> Labelled:
        body = _without(text, self.ending)
        closing = list(text[len(body) :])
        related = self._related(body) if rng.random() < self.config.related_share else range(len(self.documents))
        words: list[str] = []
        kept: list[bool] = []
        done = 0
        for gap in self._gaps(len(body), rng):
            document = self.documents[related[int(rng.integers(len(related)))]]
            piece = self._piece(document, gap == 0, gap == len(body), rng)
            words += [*body[done:gap], *piece]
            kept += [True] * (gap - done) + [False] * len(piece)
            done = gap
        words += [*body[done:], *closing]
        return words, kept + [True] * (len(words) - len(kept))

    def _gaps(self, length: int, rng: np.random.Generator) -> list[int]:
        """Places of 1-3 pieces in a text of `length` words: before, inside or after it by the odds of the config."""
        places = rng.choice(3, int(rng.integers(1, self.config.max_pieces + 1)), p=self.odds).tolist()
        return sorted((0, int(rng.integers(0, length + 1)), length)[place] for place in places)

    def _piece(self, document: Sequence[str], first: bool, last: bool, rng: np.random.Generator) -> Sequence[str]:
        shortest, longest = self.config.piece_words
        size = int(rng.integers(shortest, longest + 1))
        spare = max(len(document) - size, 0)
        start = 0 if first else spare if last else int(rng.integers(0, spare + 1))
        return document[start : start + size]

    def _related(self, text: Sequence[str]) -> Sequence[int]:
        """Rows of the documents that have the rarest word of `text`; all rows where it has none that is rare."""
        known = [word for word in text if word in self.count]
        return self.having[min(known, key=self.count.__getitem__)] if known else range(len(self.documents))


def _without(words: Sequence[str], ending: str) -> Sequence[str]:
    return words[:-1] if ending and words and words[-1] == ending else words
