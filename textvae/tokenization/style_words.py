"""Words and phrases carrying the style: log-odds of n-gram and label with an informative Dirichlet prior."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

from textvae.errors import UserError
from textvae.files import read_lines
from textvae.text import TextConfig, prepare

_MAX_NGRAMS = 2_000_000  # counted at once, some 300 MB; past that the rarest are dropped


@dataclass
class StyleWordsConfig:
    """When a word counts as a word of a style."""

    min_z: float = 4.0
    """Least z-score of the log-odds ratio; .inf turns the search off, so that only the lexicon counts."""
    min_log_odds: float = 1.0
    """Least log-odds ratio (1: 2.7 times the odds): frequent words with a slight lean stay content."""
    min_count: int = 10
    """Least number of occurrences in all texts together."""
    max_ngram: int = 2
    """Longest phrase in words; 1 looks at single words only. Phrases serve reports, not the bag of words."""
    prior: float = 0.1
    """Size of the Dirichlet prior as a share of all words counted."""
    lexicon: str | None = None
    """File with one style word or phrase a line, optionally a tab and its label; added to those found."""

    def __post_init__(self) -> None:
        if self.max_ngram < 1 or self.min_count < 1:
            raise UserError("style_words.max_ngram and style_words.min_count must be at least 1")
        if not self.prior > 0:
            raise UserError(f"style_words.prior is {self.prior}; it must be greater than 0")


@dataclass(frozen=True)
class StyleWords:
    """Style words and phrases per label with their z-scores, strongest first."""

    by_label: tuple[dict[str, float], ...]
    """For each label: n-gram (words joined by a space) -> z-score; 0 where only the lexicon names it."""
    unlabelled: frozenset[str] = field(default_factory=frozenset)
    """Lexicon entries that name no label."""

    @property
    def words(self) -> frozenset[str]:
        """All single style words, of whatever label: what is left out of the bag of content words."""
        return frozenset(ngram for ngram in self._all() if " " not in ngram)

    @property
    def phrases(self) -> frozenset[str]:
        """All style phrases of two words or more."""
        return frozenset(ngram for ngram in self._all() if " " in ngram)

    def top(self, label: int, n: int = 20) -> list[tuple[str, float]]:
        """The n strongest (n-gram, z-score) of a label."""
        return list(self.by_label[label].items())[:n]

    def _all(self) -> Iterator[str]:
        for ngrams in self.by_label:
            yield from ngrams
        yield from self.unlabelled

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"by_label": list(self.by_label), "unlabelled": sorted(self.unlabelled)}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> StyleWords:
        """The inverse of `to_dict`."""
        return cls(tuple(dict(ngrams) for ngrams in value["by_label"]), frozenset(value["unlabelled"]))


def find_style_words(
    texts: Iterable[str],
    labels: Iterable[int | Sequence[int]],
    num_labels: int | Sequence[int],
    config: StyleWordsConfig | None = None,
    label_names: Sequence[str] | None = None,
    text: TextConfig | None = None,
) -> StyleWords:
    """Style words of each label against all other labels of its attribute together.

    `texts` are prepared strings, `labels` their classes in [0, num_labels), with several attributes one of each, and
    `num_labels` how many each has; both are read once, in step. The labels of all attributes stand one after the other
    in what is returned. `label_names` are the names a lexicon file may use, `text` how its words are prepared.

    For n-gram w, label i and the rest j, counts y, totals n and the prior a_w = a_0 * (share of w in all):

        delta_w = log (y_iw + a_w) / (n_i + a_0 - y_iw - a_w)
                - log (y_jw + a_w) / (n_j + a_0 - y_jw - a_w)
        var_w   = 1 / (y_iw + a_w) + 1 / (y_jw + a_w)
        z_w     = delta_w / sqrt(var_w)

    with the informative prior a_w = a_0 * (share of w), a_0 = config.prior * number of n-grams of that length. (Monroe,
    Colaresi and Quinn 2008, "Fightin' Words", Political Analysis 16(4).) An n-gram is a
    style word where z and delta pass their thresholds; a phrase only where none of its words does.
    """
    config = config or StyleWordsConfig()
    sizes = [num_labels] if isinstance(num_labels, int) else list(num_labels)
    counts, totals = _count(texts, labels, sizes, config)
    by_label: list[dict[str, float]] = [{} for _ in range(sum(sizes))]
    for order in range(1, config.max_ngram + 1):
        for first, last in pairwise(accumulate(sizes, initial=0)):
            found = _scores(counts[order][first:last], totals[order][first:last], config)
            for words, scores in zip(by_label[first:last], found, strict=True):
                words.update({w: z for w, z in scores.items() if not any(part in words for part in w.split(" "))})
    unlabelled = _add_lexicon(by_label, config.lexicon, label_names, text) if config.lexicon else set()
    ranked = (dict(sorted(words.items(), key=lambda item: (-item[1], item[0]))) for words in by_label)
    return StyleWords(tuple(ranked), frozenset(unlabelled))


def log_odds(count: int, total: int, rest_count: int, rest_total: int, prior: float) -> tuple[float, float]:
    """(delta, z) of one n-gram; `prior` is a_0."""
    a = prior * (count + rest_count) / (total + rest_total)
    inside = math.log((count + a) / (total + prior - count - a))
    outside = math.log((rest_count + a) / (rest_total + prior - rest_count - a))
    delta = inside - outside
    return delta, delta / math.sqrt(1 / (count + a) + 1 / (rest_count + a))


Counts = list[Counter[str]]  # one counter for each label


def _count(
    texts: Iterable[str], labels: Iterable[int | Sequence[int]], sizes: list[int], config: StyleWordsConfig
) -> tuple[dict[int, Counts], dict[int, list[int]]]:
    """Counts of n-grams by their length and label, and the totals (pruned n-grams included)."""
    orders, num_labels = range(1, config.max_ngram + 1), sum(sizes)
    counts: dict[int, Counts] = {order: [Counter() for _ in range(num_labels)] for order in orders}
    totals = {order: [0] * num_labels for order in orders}
    seen = [0] * num_labels
    for i, (line, row) in enumerate(zip(texts, labels, strict=True)):
        places = _places(row, sizes)
        for place in places:
            seen[place] += 1
        for order, ngrams in _ngrams(line, config.max_ngram):
            for place in places:
                counts[order][place].update(ngrams)
                totals[order][place] += len(ngrams)
        if i % 10_000 == 9_999:
            for by_label in counts.values():
                _prune(by_label, _MAX_NGRAMS // config.max_ngram)
    if min(sizes) < 2 or not all(seen):
        raise UserError(f"style words need texts of at least two labels, but the numbers of texts are {seen}")
    return counts, totals


def _places(labels: int | Sequence[int], sizes: list[int]) -> list[int]:
    """Where the labels of a sentence stand among those of all attributes."""
    row = labels if isinstance(labels, Sequence) else [labels]
    for label, size in zip(row, sizes, strict=True):
        if not 0 <= label < size:
            raise ValueError(f"label {label} is not in [0, {size})")
    return [label + first for label, first in zip(row, accumulate(sizes, initial=0), strict=False)]


def _ngrams(line: str, longest: int) -> Iterator[tuple[int, list[str]]]:
    """The n-grams of each length that cross no punctuation, number mask or unknown word."""
    words = [word if _is_word(word) else "" for word in line.split()]
    yield 1, [word for word in words if word]
    ngrams = words
    for order in range(2, longest + 1):
        # A longer n-gram is one of the length before and the next word.
        following = words[order - 1 :]
        ngrams = [f"{a} {b}" if a and b else "" for a, b in zip(ngrams, following, strict=False)]
        yield order, [ngram for ngram in ngrams if ngram]


@lru_cache(maxsize=1 << 16)
def _is_word(token: str) -> bool:
    return token[0] not in "_<" and any(char.isalpha() for char in token)


def _prune(by_label: Counts, limit: int) -> None:
    """Drop the rarest n-grams of all labels together until at most `limit` are left."""
    least = 1
    while sum(map(len, by_label)) > limit:
        for counter in by_label:
            for ngram in [n for n in counter if sum(other[n] for other in by_label) <= least]:
                del counter[ngram]
        least += 1


def _scores(by_label: Counts, totals: list[int], config: StyleWordsConfig) -> list[dict[str, float]]:
    """For each label its n-grams that pass every threshold, with their z-scores."""
    both: Counter[str] = Counter()
    for counter in by_label:
        both.update(counter)
    total = sum(totals)
    found: list[dict[str, float]] = []
    for counter, inside in zip(by_label, totals, strict=True):
        words = {}
        for ngram, count in counter.items():
            if both[ngram] < config.min_count or both[ngram] == total:  # the only n-gram there is has no odds
                continue
            delta, z = log_odds(count, inside, both[ngram] - count, total - inside, config.prior * total)
            if z >= config.min_z and delta >= config.min_log_odds:
                words[ngram] = z
        found.append(words)
    return found


def _add_lexicon(
    by_label: list[dict[str, float]], path: str, label_names: Sequence[str] | None, text: TextConfig | None
) -> set[str]:
    """Add the words of a lexicon file to their labels; returns those without a label."""
    names = {str(i): i for i in range(len(by_label))} | {name: i for i, name in enumerate(label_names or [])}
    unlabelled = set()
    for number, line in read_lines(path):
        if not line.strip():
            continue
        word, *rest = line.split("\t")
        word = prepare(word, text)
        if not word or len(rest) > 1:
            raise UserError(f"{path}:{number}: expected one word, or a word, a tab and a label, not {line!r}")
        if not rest:
            unlabelled.add(word)
        elif (name := rest[0].strip()) in names:
            by_label[names[name]].setdefault(word, 0.0)
        else:
            raise UserError(f"{path}:{number}: unknown label {name!r}; the labels are {', '.join(names)}")
    return unlabelled
