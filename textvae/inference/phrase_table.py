"""Which phrases stood between two words, and in sentences of which label: what else a person could have written there.

"i [wo n't] be back": between "i" and "be" positive sentences have "will", "'ll", "would definitely". A phrase is 0 to
3 tokens, so that a word can also be taken out or put in. Kin of the retrieved attribute markers of Li et al. (2018,
sec. 3.2), here with the neighbours that they must have. Tables of a label's phrases make proposals; whether one is any
good the scores of reranking decide.

MODEL/scorers/phrases.safetensors: what `PhraseTable.save` writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file, save

from textvae.errors import UserError
from textvae.files import atomic_write
from textvae.inference.scorers import COMMAND, guarded
from textvae.modules.attributes import LabelGroups
from textvae.tokenization.config import SpecialIds

LONGEST = 3
"""Tokens of a phrase."""

SMOOTHING = 0.5
"""Added to every count in a ratio."""

LEAST = 0.5
"""Log-odds below which a phrase says so little about the label that it is not stored, and a change not proposed."""

FILE = "phrases.safetensors"
"""Its name inside the folder of the scorers."""

Words = tuple[int, ...]
Labels = tuple[tuple[int, int], ...]
"""(attribute, label) of those wanted."""


class Values(NamedTuple):
    """lift: (N,) log-odds of the labels wanted, in an entry's sentences. order: entries, in each context the most
    promising first; value: (N,) lift and log frequency, in the order of `order`.
    """

    lift: np.ndarray
    order: np.ndarray
    value: np.ndarray


class Spans(NamedTuple):
    """M places where a phrase of the table could stand: sentence, first and last token, context, its present lift."""

    row: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    context: np.ndarray
    phrase: np.ndarray
    lift: np.ndarray


@dataclass(frozen=True)
class PhraseTable:
    """N entries: a phrase between a left and a right token, and in how many sentences of each label.

    vocabulary: V; `<s>` and `</s>` stand at the ends of a sentence. contexts: (C,) left · V + right, rising. first:
    (C + 1,) where the entries of a context begin. phrase: (N,) numbers into `phrases`, rising in a context. counts:
    (N, S). phrases: (P,) Σ (token_i + 1) (V + 1)^(2 - i), rising.
    """

    vocabulary: int
    groups: LabelGroups
    contexts: np.ndarray
    first: np.ndarray
    phrase: np.ndarray
    counts: np.ndarray
    phrases: np.ndarray
    _values: dict[Labels, Values] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def build(
        cls,
        sentences: Sequence[Sequence[int]],
        labels: np.ndarray,
        groups: LabelGroups,
        vocabulary: int,
        ids: SpecialIds,
        least: int = 4,
    ) -> PhraseTable:
        """From token ids without special tokens and labels (N,) or (N, A); what fewer than `least` sentences of a
        label have is left out, as is what says nothing about any. Cost: 20 s and 1 GB for 167,000 sentences.
        """
        rows, keys, numbers = all_phrases(padded(sentences, ids), vocabulary, ids)
        phrases, number = np.unique(numbers, return_inverse=True)
        entries, entry = np.unique(keys * len(phrases) + number, return_inverse=True)
        labels = labels.reshape(len(labels), -1) + np.array(groups.offsets)
        counts = np.stack(
            [np.bincount(entry[(labels[rows] == s).any(1)], minlength=len(entries)) for s in range(groups.total)], 1
        )
        kept = (counts.max(1) >= least) & (log_odds(counts, groups).max(1) >= LEAST)
        contexts, number = np.divmod(entries[kept], len(phrases))
        used, number = np.unique(number, return_inverse=True)
        contexts, sizes = np.unique(contexts, return_counts=True)
        first = np.concatenate(([0], sizes.cumsum()))
        return cls(vocabulary, groups, contexts, first, number, counts[kept], phrases[used])

    def __len__(self) -> int:
        return len(self.phrase)

    @cached_property
    def context(self) -> np.ndarray:
        """(N,) the number of each entry's context, rising."""
        return np.repeat(np.arange(len(self.contexts)), np.diff(self.first))

    @cached_property
    def keys(self) -> np.ndarray:
        """(N,) one number for each entry's context and phrase, rising."""
        found: np.ndarray = self.context * len(self.phrases) + self.phrase
        return found

    # ------------------------------------------------------------------ proposals
    def proposals(
        self, sentences: Sequence[Words], labels: Mapping[int, int], count: int, ids: SpecialIds
    ) -> list[list[Words]]:
        """For each sentence the `count` changes of one phrase that promise most for the labels {attribute: label}.

        Promise: how much more the new phrase tells of the labels than the old one, in log-odds, and how frequent it is
        there, in log. Nothing changes where `<unk>` stands. Cost: 1 ms a sentence.
        """
        if not sentences or not len(self):
            return [[] for _ in sentences]
        values = self.values(tuple(sorted(labels.items())))
        spans = self.spans(padded(sentences, ids), values, ids)
        sizes = np.minimum(self.first[spans.context + 1] - self.first[spans.context], count)
        span = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(len(span)) - np.repeat(sizes.cumsum() - sizes, sizes) + self.first[spans.context][span]
        entry = values.order[place]
        useful = values.lift[entry] - spans.lift[span] > LEAST
        useful &= self.phrase[entry] != spans.phrase[span]
        span, entry, place = span[useful], entry[useful], place[useful]
        value = values.value[place] - spans.lift[span]
        best = np.lexsort((-value, spans.row[span]))
        found: list[dict[Words, None]] = [{} for _ in sentences]
        for row, begin, end, number in zip(
            *(x[span[best]].tolist() for x in (spans.row, spans.begin, spans.end)),
            self.phrase[entry[best]].tolist(),
            strict=True,
        ):
            if len(found[row]) < count:
                old = sentences[row]
                new = (*old[:begin], *self.words(number), *old[end:])
                if new and new != old:
                    found[row][new] = None
        return [list(row) for row in found]

    def changes(
        self,
        bases: Sequence[Sequence[Words]],
        known: Sequence[set[Words]],
        labels: Mapping[int, int],
        count: int,
        ids: SpecialIds,
        longest: int,
    ) -> list[list[Words]]:
        """Of each row of sentences all `proposals`, each once; not what is `known` or has `longest` words or more."""
        made = iter(self.proposals([x for row in bases for x in row], labels, count, ids))
        rows = [dict.fromkeys(new for _ in row for new in next(made)) for row in bases]
        return [
            [new for new in row if new not in old and len(new) < longest] for row, old in zip(rows, known, strict=True)
        ]

    def words(self, number: int) -> Words:
        """The tokens of a phrase."""
        code, words = int(self.phrases[number]), []
        for _ in range(LONGEST):
            code, word = divmod(code, self.vocabulary + 1)
            words.append(word - 1)
        return tuple(word for word in reversed(words) if word >= 0)

    def values(self, labels: Labels) -> Values:
        """What each entry is worth to someone who wants these labels."""
        if labels not in self._values:
            wanted = [self.groups.offsets[attribute] + label for attribute, label in labels]
            lift = log_odds(self.counts, self.groups)[:, wanted].sum(1)
            value = lift + np.log(self.counts[:, wanted].min(1) + SMOOTHING)
            order = np.lexsort((-value, self.context))
            self._values[labels] = Values(lift, order, value[order])
        return self._values[labels]

    def spans(self, table: np.ndarray, values: Values, ids: SpecialIds) -> Spans:
        """The places in sentences (B, L), framed by `<s>` and `</s>`, whose context is known."""
        found = []
        for length in range(LONGEST + 1):
            row, begin, key, number = phrases_of(table, length, self.vocabulary, ids)
            context = np.searchsorted(self.contexts, key)
            known = self.contexts[np.minimum(context, len(self.contexts) - 1)] == key
            row, begin, context, number = row[known], begin[known], context[known], number[known]
            phrase = np.searchsorted(self.phrases, number)
            phrase[self.phrases[np.minimum(phrase, len(self.phrases) - 1)] != number] = -1
            found.append((row, begin, begin + length, context, phrase))
        row, begin, end, context, phrase = (np.concatenate(x) for x in zip(*found, strict=True))
        wanted = context * len(self.phrases) + phrase
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self) - 1)
        present = (self.keys[place] == wanted) & (phrase >= 0)
        return Spans(row, begin, end, context, phrase, np.where(present, values.lift[place], 0.0))

    # ------------------------------------------------------------------ files
    def save(self, folder: Path) -> int:
        """Write phrases.safetensors, counts above 32,767 as that; returns its bytes."""
        arrays = {
            "contexts": narrow(self.contexts),
            "sizes": narrow(np.diff(self.first)),
            "phrase": narrow(self.phrase),
            "counts": np.minimum(self.counts, np.iinfo(np.int16).max).astype(np.int16),
            "phrases": narrow(self.phrases),
            "shape": np.array([self.vocabulary, *self.groups.sizes]),
        }
        with atomic_write(folder / FILE, binary=True) as handle:
            return int(handle.write(save(arrays)))

    @classmethod
    def load(cls, folder: Path, vocabulary: int, groups: LabelGroups) -> PhraseTable:
        """Read what `save` wrote; UserError where it is missing, damaged, or of other words or labels."""

        def read() -> PhraseTable:
            arrays = {name: array.astype(np.int64) for name, array in load_file(folder / FILE).items()}
            if arrays["shape"].tolist() != [vocabulary, *groups.sizes]:
                raise UserError(f"{folder / FILE} is of other words or labels than the model: run {COMMAND}")
            first = np.concatenate(([0], arrays["sizes"].cumsum()))
            phrase, counts = arrays["phrase"], arrays["counts"]
            if not len(phrase) == len(counts) == first[-1] or phrase.max(initial=-1) >= len(arrays["phrases"]):
                raise ValueError("its parts do not fit together")
            return cls(vocabulary, groups, arrays["contexts"], first, phrase, counts, arrays["phrases"])

        if not (folder / FILE).is_file():
            raise UserError(f"{folder / FILE} is not there; {COMMAND} makes it")
        return guarded(folder, read)


def narrow(values: np.ndarray) -> np.ndarray:
    """Whole numbers in the smallest type of 16, 32 or 64 bits that holds them."""
    largest = int(values.max(initial=0))
    kind = next(kind for kind in (np.int16, np.int32, np.int64) if largest <= np.iinfo(kind).max)
    found: np.ndarray = values.astype(kind)
    return found


def log_odds(counts: np.ndarray, groups: LabelGroups) -> np.ndarray:
    """(N, S) of counts (N, S): log of a label's against those of the other labels of its attribute."""
    parts = np.split(counts, groups.offsets[1:], axis=1)
    return np.concatenate(
        [np.log(x + SMOOTHING) - np.log(x.sum(1, keepdims=True) - x + SMOOTHING) for x in parts], axis=1
    )


def padded(sentences: Sequence[Sequence[int]], ids: SpecialIds) -> np.ndarray:
    """(B, L) `<s>` before and `</s>` after each sentence, then padding."""
    width = max(map(len, sentences), default=0) + 2
    table = np.full((len(sentences), width), ids.pad, dtype=np.int64)
    table[:, 0] = ids.bos
    for row, sentence in enumerate(sentences):
        table[row, 1 : len(sentence) + 1] = sentence
        table[row, len(sentence) + 1] = ids.eos
    return table


def phrases_of(table: np.ndarray, length: int, vocabulary: int, ids: SpecialIds) -> tuple[np.ndarray, ...]:
    """All M phrases of so many tokens in framed sentences (B, L): row, first token, context and number, (M,) each.

    `<unk>` is in no phrase and next to none.
    """
    width = table.shape[1] - length - 1
    if width <= 0:
        return (np.zeros(0, dtype=np.int64),) * 4
    left, right = table[:, :width], table[:, length + 1 :]
    inside = [table[:, 1 + i : 1 + i + width] for i in range(length)]
    real = (left != ids.eos) & (left != ids.pad) & (right != ids.pad)
    for words in (left, right, *inside):
        real &= words != ids.unk
    row, begin = real.nonzero()
    number = np.zeros(len(row), dtype=np.int64)
    for i in range(LONGEST):
        number = number * (vocabulary + 1) + (inside[i][row, begin] + 1 if i < length else 0)
    return row, begin, (left * vocabulary + right)[row, begin], number


def all_phrases(table: np.ndarray, vocabulary: int, ids: SpecialIds) -> tuple[np.ndarray, ...]:
    """Row, context and number of the phrases of all lengths."""
    found = [phrases_of(table, length, vocabulary, ids) for length in range(LONGEST + 1)]
    rows, _, keys, numbers = (np.concatenate(x) for x in zip(*found, strict=True))
    return rows, keys, numbers
