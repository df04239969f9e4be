"""A `SentenceReader` learns from sentences of people, sentences spoilt on purpose, and rewritings of a machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.inference.acceptance import padded
from textvae.modules.sentence_reader import BEGIN, END, PAD, UNK, SentenceReader, SentenceReaderConfig

UNKNOWN_LABEL = -1
"""Label of a sentence whose style nobody knows: it teaches language alone."""


@dataclass(frozen=True)
class ReaderTraining:
    """Sizes and schedule: about ten minutes on one core for 330,000 sentences."""

    reader: SentenceReaderConfig = field(default_factory=SentenceReaderConfig)
    """Size of the network."""
    words: int = 12_000
    """Words known, the most frequent."""
    steps: int = 2500
    """Steps of Adam, the rate falling to 0 in a line."""
    batch_size: int = 256
    """Sentences of a step."""
    learning_rate: float = 3e-3
    """At the beginning."""
    noise: int = 768
    """Noise words that all places of a batch share."""
    machine_share: float = 0.25
    """Share of rewritings of a machine in a batch, where there are any."""
    spoilt_share: float = 0.6
    """Share of the sentences of people that are spoilt."""
    seed: int = 1000
    """Of weights, batches and what is spoilt."""

    def __post_init__(self) -> None:
        if min(self.words, self.steps, self.batch_size, self.noise) < 1 or self.learning_rate <= 0:
            raise UserError("the reader's words, steps, batch_size and noise are at least 1, the learning rate above 0")


@dataclass(frozen=True)
class Sentences:
    """Word ids of sentences, and a label for each (UNKNOWN_LABEL where there is none)."""

    ids: list[list[int]]
    labels: np.ndarray


def vocabulary(texts: Sequence[str], size: int) -> list[str]:
    """The most frequent words of prepared texts, of those that occur twice at least; ties in their order."""
    counts = Counter(word for text in texts for word in text.split())
    return [word for word, count in counts.most_common(size) if count > 1]


def style_words(sentences: Sentences, vocab_size: int, labels: int) -> np.ndarray:
    """Ids of words that are 4 times likelier in one label than in another, and not rare."""
    counts = np.zeros((labels, vocab_size))
    for ids, label in zip(sentences.ids, sentences.labels.tolist(), strict=True):
        if label != UNKNOWN_LABEL:
            np.add.at(counts[label], ids, 1)
    rates = np.log((counts + 1) / (counts.sum(1, keepdims=True) + vocab_size))
    strong = (rates.max(0) - rates.min(0) > np.log(4)) & (counts.sum(0) >= 20)
    strong[: END + 1] = False
    return np.flatnonzero(strong)


class Spoiling:
    """What people would not write: a word put in, lost, doubled, replaced, or two neighbours that changed places."""

    def __init__(self, frequencies: np.ndarray, strong: np.ndarray, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.frequencies, self.strong = frequencies, strong

    def word(self) -> int:
        """A word to put in: half of them strong words of a style, which machines put in most."""
        if len(self.strong) and self.random.random() < 0.5:
            return int(self.strong[self.random.integers(len(self.strong))])
        return int(np.searchsorted(self.frequencies, self.random.random() * self.frequencies[-1], side="right"))

    def __call__(self, ids: Sequence[int]) -> tuple[list[int], list[int]]:
        """The words of one spoilt sentence, and which are wrong (0 or 1)."""
        words, wrong = list(ids), [0] * len(ids)
        for _ in range(1 + (self.random.random() < 0.4)):
            self.once(words, wrong)
        return words, wrong

    def once(self, words: list[int], wrong: list[int]) -> None:
        """One change, in place."""
        kind, place = self.random.random(), int(self.random.integers(len(words))) if words else 0
        if kind < 0.35 or len(words) < 3:
            place = 0 if self.random.random() < 0.3 else place
            words.insert(place, self.word())
            wrong.insert(place, 1)
        elif kind < 0.65:
            words[place], wrong[place] = self.word(), 1
        elif kind < 0.75:
            words.insert(place, words[place])
            wrong.insert(place, 1)
        elif kind < 0.9:
            del words[place], wrong[place]
            wrong[min(place, len(wrong) - 1)] = 1
        elif place + 1 < len(words):
            words[place], words[place + 1] = words[place + 1], words[place]
            wrong[place] = wrong[place + 1] = 1


@dataclass
class ReaderFitting:
    """Everything that trains a reader. machine: sentences that a machine wrote, without labels; may be empty."""

    people: Sentences
    machine: Sentences
    vocab_size: int
    labels: int
    settings: ReaderTraining

    def __call__(self, say: Callable[[str], None]) -> SentenceReader:
        """The trained network, in eval mode."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            reader = SentenceReader(self.settings.reader, self.vocab_size, self.labels)
            return self.trained(reader, say)

    def trained(self, reader: SentenceReader, say: Callable[[str], None]) -> SentenceReader:
        """Adam with a rate that falls to 0."""
        counts = np.ones(self.vocab_size)
        for ids in self.people.ids:
            np.add.at(counts, ids, 1)
        counts[[PAD, BEGIN, END]] = 1e-6
        self.log_noise = torch.from_numpy(np.log(counts**0.75 / (counts**0.75).sum())).float()
        strong = style_words(self.people, self.vocab_size, self.labels)
        self.spoiling = Spoiling(np.cumsum(np.sqrt(counts)), strong, self.settings.seed)
        optimizer = torch.optim.Adam(reader.parameters(), self.settings.learning_rate)
        steps = self.settings.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (steps + 1))
        reader.train()
        for step, batch in enumerate(self.batches(), 1):
            loss = self.loss(reader, *batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            if step % 250 == 0:
                say(f"reader: step {step} of {steps}, loss {loss.item():.3f}")
        return reader.eval()

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """ids (B, L + 2), wrong (B, L), labels (B,), machine (B,), the lengths of a batch being alike."""
        random, size = np.random.default_rng(self.settings.seed), self.settings.batch_size
        written = round(size * self.settings.machine_share) if self.machine.ids else 0
        epochs = (self.blocks(random, self.people, size - written) for _ in count())
        for people in islice(chain.from_iterable(epochs), self.settings.steps):
            length = len(self.people.ids[people[0]])
            yield self.batch(people, self.like(random, length, written), random)

    def blocks(self, random: np.random.Generator, sentences: Sentences, size: int) -> list[np.ndarray]:
        """All sentences in blocks of like length, in a random order."""
        lengths = np.array([len(ids) for ids in sentences.ids]) + random.random(len(sentences.ids)) * 2
        order = np.argsort(lengths)
        blocks = [order[start : start + size] for start in range(0, len(order), size)]
        return [blocks[i] for i in random.permutation(len(blocks))]

    def like(self, random: np.random.Generator, length: int, count: int) -> np.ndarray:
        """Rows of machine sentences of nearly that length."""
        if not count:
            return np.zeros(0, np.int64)
        if not hasattr(self, "by_length"):
            self.lengths = np.array([len(ids) for ids in self.machine.ids])
            self.by_length = np.argsort(self.lengths, kind="stable")
        around = np.searchsorted(self.lengths[self.by_length], [length - 1, length + 2])
        low, high = max(0, min(around[0], len(self.by_length) - 4 * count)), max(around[1], around[0] + 4 * count)
        return self.by_length[random.integers(low, min(high, len(self.by_length)), count)]

    def batch(
        self, people: np.ndarray, written: np.ndarray, random: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See `batches`. wrong is -1 where nobody knows (a machine's sentences)."""
        rows, marks = [], []
        spoil = random.random(len(people)) < self.settings.spoilt_share
        for row, spoilt in zip(people.tolist(), spoil.tolist(), strict=True):
            ids = self.people.ids[row]
            words, mark = self.spoiling(ids) if spoilt else (ids, [0] * len(ids))
            rows.append(words)
            marks.append(mark)
        for row in written.tolist():
            rows.append(self.machine.ids[row])
            marks.append([-1] * len(self.machine.ids[row]))
        framed = padded(rows)
        wrong = np.full((len(rows), framed.shape[1] - 2), -1)
        for number, mark in enumerate(marks):
            wrong[number, : len(mark)] = mark
        labels = np.concatenate((self.people.labels[people], np.full(len(written), UNKNOWN_LABEL)))
        machine = np.repeat([0.0, 1.0], [len(people), len(written)])
        machine[: len(people)][spoil] = -1.0
        return framed, torch.from_numpy(wrong), torch.from_numpy(labels), torch.from_numpy(machine).float()

    def loss(self, reader: SentenceReader, ids: Tensor, wrong: Tensor, labels: Tensor, machine: Tensor) -> Tensor:
        """Sum of the mean losses of style, wrong words, machine and cloze; spoilt sentences teach no cloze."""
        reading = reader(ids)
        known = labels != UNKNOWN_LABEL
        parts = [F.cross_entropy(reading.style[known], labels[known])] if known.any() else []
        places = wrong >= 0
        parts.append(F.binary_cross_entropy_with_logits(reading.wrong[places], wrong[places].float()))
        told = machine >= 0
        parts.append(0.5 * F.binary_cross_entropy_with_logits(reading.machine[told], machine[told]))
        whole = (wrong == 0) & (machine == 0)[:, None]
        words = ids[:, 1:-1]
        noise = torch.multinomial(self.log_noise.exp(), self.settings.noise, replacement=True)
        contrast = reader.contrast(reading.context[whole], words[whole], noise, self.log_noise)
        return sum(parts, 0.3 * contrast.mean())  # type: ignore[return-value]


def ids_of(texts: Sequence[str], numbers: dict[str, int]) -> list[list[int]]:
    """Word ids of prepared texts."""
    return [[numbers.get(word, UNK) for word in text.split()] for text in texts]
