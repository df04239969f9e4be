"""Words by the words before them, counted while they are coded; and its mixture with the decoder's opinion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

Context = tuple[int, ...]

HIGHEST = 2
"""Most words of context."""


class AdaptiveNgrams:
    """Interpolated trigrams: p_k(w | h) = (c(hw) + T(h) p_{k−1}(w | h')) / (c(h·) + T(h)).

    T(h): different words seen after h (Witten & Bell 1991, "The zero-frequency problem", method C). Below the unigrams
    stands Zipf's law over the vocabulary, p(w) ∝ 1 / (w + 3), which fits where words are numbered by falling frequency.
    Contexts are no longer added once there are `most`.
    """

    def __init__(self, vocabulary: int, most: int = 1_500_000):
        ranks = np.arange(vocabulary, dtype=np.float64)
        self.base = 1 / (ranks + 3)
        self.base /= self.base.sum()
        self.single = np.zeros(vocabulary)
        self.seen, self.most = 0, most
        self.after: dict[Context, dict[int, int]] = {}
        self.totals: dict[Context, int] = {}
        self._unigrams()

    def _unigrams(self) -> None:
        kinds, total = float((self.single > 0).sum()), float(self.single.sum())
        self.unigrams = (self.single + max(kinds, 1.0) * self.base) / (total + max(kinds, 1.0))

    def learn(self, sentences: Iterable[Sequence[int]], start: int) -> None:
        """Count sentences, each with its end."""
        for words in sentences:
            line = (start, *words)
            for place in range(1, len(line)):
                word = line[place]
                self.single[word] += 1
                for length in range(1, min(HIGHEST, place) + 1):
                    self._count(line[place - length : place], word)
        self._unigrams()

    def _count(self, context: Context, word: int) -> None:
        seen = self.after.get(context)
        if seen is None:
            if self.seen >= self.most:
                return
            seen = self.after[context] = {}
        if word not in seen:
            self.seen += 1
        seen[word] = seen.get(word, 0) + 1
        self.totals[context] = self.totals.get(context, 0) + 1

    def contexts(self, history: Sequence[int]) -> list[Context]:
        """The contexts that were seen, shortest first."""
        tails = [tuple(history[len(history) - n :]) for n in range(1, min(HIGHEST, len(history)) + 1)]
        return [tail for tail in tails if tail in self.after]

    def distribution(self, contexts: Sequence[Context]) -> np.ndarray:
        """p(w | h) for every word, (V,)."""
        found = self.unigrams
        for context in contexts:
            seen = self.after[context]
            kinds, total = len(seen), self.totals[context]
            found = found * (kinds / (total + kinds))
            found[np.fromiter(seen, np.int64, kinds)] += np.fromiter(seen.values(), np.float64, kinds) / (total + kinds)
        return found

    def probability(self, contexts: Sequence[Context], word: int) -> float:
        """The same for one word."""
        found = float(self.unigrams[word])
        for context in contexts:
            seen = self.after[context]
            kinds, total = len(seen), self.totals[context]
            found = (seen.get(word, 0) + kinds * found) / (total + kinds)
        return found


class Mixture:
    """(1 − λ) p_decoder + λ p_ngrams, λ of its own for each number of context words seen.

    λ is the n-grams' share of what was predicted so far (one step of EM over all words since the beginning), set anew
    after every block, so that both sides have the same.
    """

    START = 0.5
    WEIGHT = 20.0

    def __init__(self, kinds: int):
        """kinds: of rows, each with weights of its own."""
        self.shares = np.full((kinds, HIGHEST + 1), self.START * self.WEIGHT)
        self.counts = np.full((kinds, HIGHEST + 1), self.WEIGHT)
        self._update()

    def _update(self) -> None:
        self.weights = (self.shares / self.counts).clip(1e-4, 1 - 1e-4)

    def mixed(self, kind: int, contexts: int, decoder: np.ndarray, ngrams: np.ndarray) -> np.ndarray:
        """The mixture of two distributions (V,)."""
        weight = self.weights[kind, contexts]
        found: np.ndarray = (1 - weight) * decoder + weight * ngrams
        return found

    def learn(self, rows: Iterable[tuple[int, int, float, float]]) -> None:
        """Kind, number of contexts, p_decoder and p_ngrams of every word of a block."""
        for kind, contexts, decoder, ngrams in rows:
            weight = self.weights[kind, contexts]
            mine, other = weight * ngrams, (1 - weight) * decoder
            self.shares[kind, contexts] += mine / max(mine + other, 1e-300)
            self.counts[kind, contexts] += 1
        self._update()
