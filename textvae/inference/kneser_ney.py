"""An n-gram language model with interpolated modified Kneser-Ney smoothing, to measure fluency.

Perplexities under two language models cannot be compared; those of several systems under one can.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from textvae.errors import UserError
from textvae.files import atomic_write, write_json

UNKNOWN, START, END = 0, 1, 2
RESERVED = ("<unk>", "<s>", "</s>")
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
Discounts = tuple[float, float, float]


@dataclass(frozen=True)
class Level:
    """The k-grams of one order k. A k-gram's number is its place in these arrays of length n_k.

    keys: number of the (k-1)-gram before the last word, times V, plus the last word; sorted, int64; the word
    for k = 1. log_prob: ln p(last word | words before it), interpolated. log_backoff: ln γ(k-gram), 0 where
    nothing follows it.
    """

    keys: np.ndarray
    log_prob: np.ndarray
    log_backoff: np.ndarray


@dataclass(frozen=True)
class Counts:
    """k-grams of a corpus of T tokens: `keys` as in `Level`, all arrays (n_k,) but `number_at` (T,)."""

    keys: np.ndarray
    count: np.ndarray
    suffix: np.ndarray
    """Number of the (k-1)-gram without the first word."""
    at_start: np.ndarray
    """Whether the first word is <s>."""
    number_at: np.ndarray
    """Number of the k-gram whose last word is each token, -1 where the sentence is not that old."""


@dataclass(frozen=True)
class SentenceScores:
    """Per sentence, (N,): sum of ln p over its tokens and </s>, how many these are, how many are <unk>."""

    log_prob: np.ndarray
    tokens: np.ndarray
    unknown: np.ndarray


class KneserNey:
    """p(w | h) = (a(hw) - D(a(hw))) / Σ_v a(hv) + γ(h) p(w | h'), where h' is h without its first word.

    Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", modified
    Kneser-Ney: γ(h) = (D₁ N₁(h·) + D₂ N₂(h·) + D₃₊ N₃₊(h·)) / Σ_v a(hv), N_c(h·) = how many words v have
    a(hv) = c (3+: 3 or more); Y = n₁ / (n₁ + 2 n₂), D_c = c - (c + 1) Y n_{c+1} / n_c for c = 1, 2, 3+, n_c =
    how many k-grams have a = c, per order. a is the count at the highest order; below it, the number of
    different words seen before the k-gram. A k-gram that begins with <s> has nothing before it and keeps its
    count, as in KenLM (Heafield et al. 2013). Order 1 is interpolated with the uniform distribution over the
    vocabulary. Where a small corpus gives no D_c in (0, c] (0 would leave nothing to unseen words) the discounts of
    that order are .5, 1, 1.5.

    Vocabulary: the words seen at least `min_count` times in training, <unk> and </s>. It is closed: any other
    word *is* <unk>, which has the probability of all rare training words together. So a rare word is charged
    less than its due: read the perplexity beside the share of <unk>. A sentence is <s> w₁ ... w_n </s> and
    all but <s> is predicted; an empty sentence costs one </s>.
    """

    def __init__(self, order: int = 3, min_count: int = 2, discounts: Sequence[Discounts] | None = None) -> None:
        """`discounts`: (D₁, D₂, D₃₊) for order 1, 2, ..., instead of estimated ones."""
        if order < 1:
            raise UserError(f"the order of a language model is at least 1, not {order}")
        self.order = order
        self.min_count = min_count
        self.discounts: list[Discounts] = [(d[0], d[1], d[2]) for d in discounts or ()]
        self.words: tuple[str, ...] = RESERVED
        self.index: dict[str, int] = {}
        self.levels: list[Level] = []
        self.counts: list[np.ndarray] = []
        """Of the k-grams of `levels`, as long as nothing was loaded."""

    def fit(self, texts: Iterable[str]) -> KneserNey:
        """Count and smooth: one pass over `texts`, about 100 bytes per token; white space separates words."""
        stream, place = self._read(texts)
        if len(stream) == 0:
            raise UserError("there is no text to train a language model on")
        counts = [_count_words(stream, len(self.words))]
        for order in range(2, self.order + 1):
            counts.append(_count(order, counts[-1].number_at, stream, place, len(self.words)))
        self._smooth(counts)
        self.counts = [grams.count for grams in counts]
        return self

    def _read(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Fix the vocabulary; the corpus as word numbers and each token's place in its sentence, (T,)."""
        numbers = {word: number for number, word in enumerate(RESERVED)}
        flat, lengths = array("i"), array("q")
        for text in texts:
            words = text.split()
            flat.append(START)
            flat.extend(UNKNOWN if w in RESERVED else numbers.setdefault(w, len(numbers)) for w in words)
            flat.append(END)
            lengths.append(len(words) + 2)
        stream = np.array(flat, dtype=np.int64)
        kept = np.bincount(stream, minlength=len(numbers)) >= self.min_count
        kept[: len(RESERVED)] = True
        self._set_words([word for word, keep in zip(numbers, kept, strict=True) if keep])
        return np.where(kept, np.cumsum(kept) - 1, UNKNOWN)[stream], _places(np.array(lengths, dtype=np.int64))

    def _set_words(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.index = {word: number for number, word in enumerate(self.words) if number >= len(RESERVED)}

    def _smooth(self, counts: list[Counts]) -> None:
        given, self.discounts = self.discounts, []
        size = len(self.words)
        probs, backoffs = [np.full(1, 1 / (size - 1))], []  # order 0: uniform over all that can be predicted
        for order, grams in enumerate(counts, start=1):
            adjusted = grams.count.astype(np.float64)
            if order < self.order:
                left = np.bincount(counts[order].suffix, minlength=len(grams.keys))
                adjusted = np.where(grams.at_start, adjusted, left)
            if order == 1:
                adjusted[START] = 0  # <s> is never predicted
            self.discounts.append(given[order - 1] if given else _discounts(adjusted))
            discount = np.array([0.0, *self.discounts[-1]])[np.minimum(adjusted, 3).astype(np.int64)]
            context = grams.keys // size
            total = np.bincount(context, adjusted, minlength=len(probs[-1]))
            freed = np.bincount(context, discount, minlength=len(probs[-1]))
            with np.errstate(invalid="ignore", divide="ignore"):
                gamma = np.where(total > 0, freed / total, 1.0)
                backoffs.append(gamma)
                probs.append((adjusted - discount) / total[context] + gamma[context] * probs[-1][grams.suffix])
        probs[1][START] = 0
        backoffs.append(np.ones(len(probs[-1])))
        with np.errstate(divide="ignore"):
            logs = [
                (np.log(p).astype(np.float32), np.log(g).astype(np.float32))
                for p, g in zip(probs, backoffs, strict=True)
            ]
        self.levels = [Level(grams.keys, *log) for grams, log in zip(counts, logs[1:], strict=True)]

    def score(self, texts: Sequence[str]) -> SentenceScores:
        """Log-probability, tokens and <unk> of each text, each (N,)."""
        flat: list[int] = []
        lengths = np.zeros(len(texts), np.int64)
        for number, text in enumerate(texts):
            words = [self.index.get(word, UNKNOWN) for word in text.split()]
            flat += [START, *words, END]
            lengths[number] = len(words) + 2
        stream, place = np.array(flat, np.int64), _places(lengths)
        sentence = np.repeat(np.arange(len(texts)), lengths)[place > 0]
        log_probs = self._log_probs(stream, place)[place > 0].astype(np.float64)
        unknown = stream[place > 0] == UNKNOWN
        count = len(texts)
        return SentenceScores(
            np.bincount(sentence, log_probs, count),
            lengths - 1,
            np.bincount(sentence, unknown, count).astype(np.int64),
        )

    def token_scores(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """ln p of every word and of </s>, (n + 1,) for each sentence of n words."""
        if not sentences:
            return []
        rows = [[START, *(self.index.get(word, UNKNOWN) for word in words), END] for words in sentences]
        lengths = np.array(list(map(len, rows)))
        found = self._log_probs(np.concatenate(rows).astype(np.int64), _places(lengths))
        return [part[1:] for part in np.split(found, np.cumsum(lengths)[:-1])]

    def perplexity(self, texts: Sequence[str]) -> float:
        """exp(- Σ ln p / number of tokens), over all tokens and </s> of all texts."""
        scores = self.score(texts)
        return math.exp(-scores.log_prob.sum() / scores.tokens.sum()) if len(texts) else float("nan")

    def distribution(self, context: Sequence[str]) -> np.ndarray:
        """p(w | context) for each w of `words`, (V,); put <s> first if the context begins a sentence."""
        numbers = [START if word == "<s>" else self.index.get(word, UNKNOWN) for word in context]
        size, length = len(self.words), len(context) + 1
        rows = np.hstack([np.tile(np.array(numbers, np.int64), (size, 1)), np.arange(size)[:, None]])
        log_probs = self._log_probs(rows.reshape(-1), _places(np.full(size, length)))
        return np.exp(log_probs.reshape(size, length)[:, -1].astype(np.float64))

    def _log_probs(self, stream: np.ndarray, place: np.ndarray) -> np.ndarray:
        """ln p of each token given those before it in its sentence, (T,) float32; -inf for <s>."""
        size = len(self.words)
        result, number_at = self.levels[0].log_prob[stream], stream
        for order, level in enumerate(self.levels[1:], start=2):
            if len(level.keys) == 0:  # no training sentence is this long, nor any longer k-gram
                break
            context = np.full(len(stream), -1, np.int64)
            context[1:] = number_at[:-1]
            context[place < order - 1] = -1
            key = context * size + stream
            slot = np.minimum(np.searchsorted(level.keys, key), len(level.keys) - 1)
            found = (context >= 0) & (level.keys[slot] == key)
            log_gamma = np.where(context >= 0, self.levels[order - 2].log_backoff[context], 0)
            result = np.where(found, level.log_prob[slot], result + log_gamma)
            number_at = np.where(found, slot, -1)
        return result

    def prune(self, *least: int) -> KneserNey:
        """Forget bigrams, trigrams, ... that occurred fewer than so many times, and their continuations.

        What is forgotten is charged as if it were new, so probabilities sum to a little less than 1.
        """
        size, kept = len(self.words), np.arange(len(self.words))
        for place, (level, fewest) in enumerate(zip(self.levels[1:], least, strict=True), start=1):
            context = kept[level.keys // size]
            keep = (self.counts[place] >= fewest) & (context >= 0)
            self.levels[place] = Level(
                (context * size + level.keys % size)[keep], level.log_prob[keep], level.log_backoff[keep]
            )
            kept = np.where(keep, np.cumsum(keep) - 1, -1)
        return self

    def compact(self) -> dict[str, np.ndarray]:
        """All but the words in some 5 bytes a k-gram: at most 65,536 words, probabilities to 1/30 nat."""
        size, arrays = len(self.words), {}
        for k, level in enumerate(self.levels, 1):
            if k > 1:
                followers = np.bincount(level.keys // size, minlength=len(self.levels[k - 2].keys))
                arrays[f"followers_{k}"] = followers.astype(np.uint16)
                arrays[f"word_{k}"] = (level.keys % size).astype(np.uint16)
            for name in LEVEL_FIELDS[1:] if k < self.order else LEVEL_FIELDS[1:2]:
                arrays[f"{name}_{k}"] = np.clip(-FINENESS * getattr(level, name), 0, 255).round().astype(np.uint8)
        return arrays

    @classmethod
    def from_compact(cls, words: Sequence[str], arrays: Mapping[str, np.ndarray]) -> KneserNey:
        """What `compact` gave, beside its words."""
        model = cls(max(int(name.rpartition("_")[2]) for name in arrays))
        model._set_words(words)
        keys = np.arange(len(words))
        for k in range(1, model.order + 1):
            if k > 1:
                context = np.repeat(np.arange(len(keys)), arrays[f"followers_{k}"].astype(np.int64))
                keys = context * len(words) + arrays[f"word_{k}"].astype(np.int64)
            log_prob, back = (
                arrays.get(f"{name}_{k}", np.zeros(len(keys))).astype(np.float32) / -FINENESS
                for name in LEVEL_FIELDS[1:]
            )
            if not len(keys) == len(log_prob) == len(back):
                raise ValueError("the arrays of a language model do not fit one another")
            model.levels.append(Level(keys, log_prob, back))
        return model

    def save(self, folder: str | Path) -> None:
        """Write `language_model.safetensors` and `language_model.json` into `folder`."""
        folder = Path(folder)
        arrays = {
            f"{name}_{k}": getattr(level, name) for k, level in enumerate(self.levels, 1) for name in LEVEL_FIELDS
        }
        with atomic_write(folder / "language_model.safetensors", binary=True) as handle:
            handle.write(save(arrays))
        settings = {
            "order": self.order,
            "min_count": self.min_count,
            "discounts": self.discounts,
            "words": self.words,
        }
        write_json(folder / "language_model.json", settings)

    @classmethod
    def load(cls, folder: str | Path) -> KneserNey:
        """Read back what `save` wrote; scores are equal."""
        folder = Path(folder)
        settings = json.loads((folder / "language_model.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / "language_model.safetensors")
        model = cls(settings["order"], settings["min_count"], settings["discounts"])
        model._set_words(settings["words"])
        model.levels = [Level(*(arrays[f"{name}_{k}"] for name in LEVEL_FIELDS)) for k in range(1, model.order + 1)]
        return model


FINENESS = 15.0
"""Steps of a nat in `KneserNey.compact`: −17 nats are the least that is told apart."""
LEVEL_FIELDS = ("keys", "log_prob", "log_backoff")


def _places(lengths: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... within each of the sentences of `lengths` laid end to end."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _count_words(stream: np.ndarray, size: int) -> Counts:
    keys = np.arange(size)
    zeros = np.zeros(size, np.int64)  # every word has the same context and suffix: none
    return Counts(keys, np.bincount(stream, minlength=size), zeros, keys == START, stream)


def _count(order: int, shorter_at: np.ndarray, stream: np.ndarray, place: np.ndarray, size: int) -> Counts:
    """Count k-grams, k = `order`, from the number of the (k-1)-gram that ends at each token."""
    ends = np.flatnonzero(place >= order - 1)
    keys, first, inverse, count = np.unique(
        shorter_at[ends - 1] * size + stream[ends], return_index=True, return_inverse=True, return_counts=True
    )
    number_at = np.full(len(stream), -1, np.int64)
    number_at[ends] = inverse
    return Counts(keys, count, shorter_at[ends[first]], place[ends[first]] == order - 1, number_at)


def _discounts(adjusted: np.ndarray) -> Discounts:
    """D₁, D₂, D₃₊ of one order from its adjusted counts (n_k,)."""
    n = [int((adjusted == c).sum()) for c in range(5)]
    if min(n[1:4]) == 0:
        return FALLBACK_DISCOUNTS
    share = n[1] / (n[1] + 2 * n[2])
    found = [c - (c + 1) * share * n[c + 1] / n[c] for c in (1, 2, 3)]
    if any(not 0 < d <= c for c, d in zip((1, 2, 3), found, strict=True)):
        return FALLBACK_DISCOUNTS
    return found[0], found[1], found[2]
