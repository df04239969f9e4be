"""A reader that has never met the summariser: a statistical model of documents given summaries.

It is the "fresh reader" of the alarms: what it can tell about a document from its summary, a person can be told too.
A neural reconstructor trained together with the generator may read a code that nobody else can.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from textvae.errors import UserError
from textvae.files import atomic_write, write_json
from textvae.modules.noise import mix

FOLLOWS, COPIES, TRANSLATES, BACKGROUND = range(4)
ROUNDS = 3
CHUNK = 256


class StatisticalReader:
    """p(x_t | x_{t-1}, y) = Σ_i λ_i p_i, a mixture whose weights λ are fitted on held-out pairs by EM.

    p_1: x_t follows x_{t-1} in the summary y as it does in the document (so the order of the words counts);
    p_2: x_t is a word of y; p_3: Σ_v t(x_t | v) / |y|, IBM model 1 (Brown et al. 1993, "The mathematics of statistical
    machine translation", section 4.2); p_4: x_t is frequent. Where x_{t-1} is not in y there is no p_1, and a second
    set of λ is used. Words are what white space separates. Seconds of training are enough, so every evaluation can
    have a reader of its own.
    """

    def __init__(self, min_count: int = 2) -> None:
        self.min_count = min_count
        self.spoken: dict[str, int] = {}
        """Words of summaries that have a t; their numbers are the v."""
        self.written: dict[str, int] = {}
        """Words of documents that do; their numbers are the w."""
        self.unigram = np.zeros(0)
        self.keys = np.zeros(0, np.int64)
        """v · W + w of the pairs of words (v in a summary, w in its document) that have a t(w | v); sorted."""
        self.table: np.ndarray = np.zeros(0)
        self.weights = np.full((2, 4), 0.25)
        """λ without p_1 (row 0) and with it (row 1)."""

    def fit(self, summaries: Sequence[str], documents: Sequence[str]) -> StatisticalReader:
        """Learn t and p_4 from nine tenths of the pairs and λ from the rest."""
        if len(summaries) < 2:
            raise UserError("a reader needs at least two pairs to learn from")
        tenth = np.arange(len(summaries)) % 10 == 9
        tenth[-1] = True
        learnt, held_out = (
            [(y, x) for y, x, held in zip(summaries, documents, tenth, strict=True) if held == part]
            for part in (False, True)
        )
        self._learn_words(*zip(*learnt, strict=True))
        self._learn_translation(*zip(*learnt, strict=True))
        self._learn_weights(*zip(*held_out, strict=True))
        return self

    def fit_readable(
        self, documents: Sequence[str], words: tuple[int, int] = (5, 15), seed: int = 0
    ) -> StatisticalReader:
        """Learn from documents alone: extracts, which anyone can read, stand for the summaries."""
        return self.fit(pieces(documents, words, seed), documents)

    def nll(self, summaries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
        """Nats per word of each document given its summary, (N,); 0 for an empty document."""
        found = np.zeros(len(documents))
        for start in range(0, len(documents), CHUNK):
            rows = slice(start, start + CHUNK)
            parts, has_left, row, counts = self._parts(summaries[rows], documents[rows])
            log_probs = np.log((parts * self.weights[has_left]).sum(axis=1))
            found[rows] = -np.bincount(row, log_probs, len(counts)) / np.maximum(counts, 1)
        return found

    def _learn_words(self, summaries: Iterable[str], documents: Iterable[str]) -> None:
        spoken, written = (Counter(w for text in texts for w in text.split()) for texts in (summaries, documents))
        self.spoken = self._numbers(spoken)
        self.written = self._numbers(written)
        total = written.total() + len(written) + 1
        self.unigram = np.array([1, *(written[word] + 1 for word in self.written)]) / total  # place 0: any other word

    def _numbers(self, counts: Counter[str]) -> dict[str, int]:
        return {w: n for n, w in enumerate(word for word, count in counts.items() if count >= self.min_count)}

    def _learn_translation(self, summaries: Sequence[str], documents: Sequence[str]) -> None:
        source, target, token = self._pairs(summaries, documents)
        size = max(len(self.written), 1)
        self.keys, key = np.unique(source * size + target, return_inverse=True)
        speaker = self.keys // size
        self.table = np.ones(len(self.keys))
        for _ in range(ROUNDS):
            share = self.table[key]
            share = share / np.bincount(token, share)[token]
            expected = np.bincount(key, share, len(self.keys))
            self.table = expected / np.bincount(speaker, expected)[speaker] if len(expected) else expected

    def _learn_weights(self, summaries: Sequence[str], documents: Sequence[str]) -> None:
        parts, has_left, _, _ = self._parts(summaries, documents)
        for _ in range(20):
            joint = parts * self.weights[has_left]
            share = joint / joint.sum(axis=1, keepdims=True)
            for left in (0, 1):
                counted = share[has_left == left].sum(axis=0) + np.array([left, 1, 1, 1])  # no weight becomes 0
                self.weights[left] = counted / counted.sum()

    def _pairs(self, summaries: Sequence[str], documents: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All pairs of a known word of the summary and one of its document: (source, target, document token)."""
        sources, targets, tokens, done = [], [], [], 0
        for summary, document in zip(summaries, documents, strict=True):
            spoken = np.array(sorted({self.spoken[word] for word in summary.split() if word in self.spoken}), np.int64)
            written = np.array([self.written.get(word, -1) for word in document.split()], np.int64)
            place = np.flatnonzero(written >= 0)
            sources.append(np.tile(spoken, len(place)))
            targets.append(np.repeat(written[place], len(spoken)))
            tokens.append(np.repeat(place + done, len(spoken)))
            done += len(written)
        return (np.concatenate(sources), np.concatenate(targets), np.concatenate(tokens)) if sources else (EMPTY,) * 3

    def _parts(
        self, summaries: Sequence[str], documents: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Per document token the four p_i (T, 4), whether there is a p_1 (T,), its row (T,); tokens per document."""
        parts: list[tuple[float, float, float, float]] = []
        has_left: list[int] = []
        spoken_known = []
        for summary, document in zip(summaries, documents, strict=True):
            spoken = summary.split()
            counts, after = Counter(spoken), _successors(spoken)
            spoken_known.append(len(self.spoken.keys() & counts))
            previous = "<s>"
            for word in document.split():
                follows = after.get(previous)
                has_left.append(follows is not None)
                follow = follows[word] / follows.total() if follows is not None else 0.0
                copied = counts[word] / len(spoken) if spoken else 0.0
                parts.append((follow, copied, 0.0, self.unigram[self.written.get(word, -1) + 1]))
                previous = word
        counts_per_row = np.array([len(document.split()) for document in documents], np.int64)
        row = np.repeat(np.arange(len(documents)), counts_per_row)
        array = np.array(parts).reshape(-1, 4)
        source, target, token = self._pairs(summaries, documents)
        summed = np.bincount(token, self._translations(source, target), len(array))
        array[:, TRANSLATES] = summed / np.maximum(np.array(spoken_known, np.int64)[row], 1)
        return array, np.array(has_left, np.int64), row, counts_per_row

    def _translations(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        if not len(self.keys):
            return np.zeros(len(source))
        key = source * len(self.written) + target
        slot = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[slot] == key, self.table[slot], 0.0)

    def save(self, folder: str | Path) -> None:
        """Write `reader.safetensors` and `reader.json` into `folder`."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        with atomic_write(Path(folder) / "reader.safetensors", binary=True) as handle:
            handle.write(save(arrays))
        settings = {"min_count": self.min_count, "spoken": list(self.spoken), "written": list(self.written)}
        write_json(Path(folder) / "reader.json", settings)

    @classmethod
    def load(cls, folder: str | Path) -> StatisticalReader:
        """Read back what `save` wrote."""
        settings = json.loads((Path(folder) / "reader.json").read_text(encoding="utf-8"))
        reader = cls(settings["min_count"])
        reader.spoken = {word: number for number, word in enumerate(settings["spoken"])}
        reader.written = {word: number for number, word in enumerate(settings["written"])}
        for name, array in load_file(Path(folder) / "reader.safetensors").items():
            setattr(reader, name, array)
        return reader


ARRAYS = ("unigram", "keys", "table", "weights")
EMPTY = np.zeros(0, np.int64)


def pieces(documents: Sequence[str], words: tuple[int, int], seed: int) -> list[str]:
    """Extracts of `words[0]` to `words[1]` words of each document, in its order: one to three runs of words.

    Lengths and places are drawn from (seed, row).
    """
    found = []
    for row, document in enumerate(documents):
        tokens, rng = document.split(), np.random.default_rng(mix(seed, row))
        length = min(int(rng.integers(words[0], words[1] + 1)), len(tokens))
        runs = int(rng.integers(1, 4))
        sizes = np.bincount(rng.integers(0, runs, length), minlength=runs) if rng.random() < 0.5 else [length]
        gaps = np.sort(rng.integers(0, len(tokens) - length + 1, len(sizes)))
        starts = gaps + np.cumsum([0, *sizes[:-1]])
        found.append(" ".join(w for at, size in zip(starts, sizes, strict=True) for w in tokens[at : at + size]))
    return found


def _successors(words: Sequence[str]) -> dict[str, Counter[str]]:
    after: dict[str, Counter[str]] = {}
    for left, right in zip(["<s>", *words], words, strict=False):
        after.setdefault(left, Counter())[right] += 1
    return after
