"""Batches of documents and texts in an order that is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from textvae.data.loader import bucketed_order
from textvae.data.unpaired.batch import Sequences, UnpairedBatch
from textvae.data.unpaired.denoising import SummaryNoise
from textvae.data.unpaired.slots import SlotVocabulary, assign_slots
from textvae.data.unpaired.tokenized import TokenizedSide
from textvae.modules.noise import NoiseKey, mix


@dataclass(frozen=True)
class UnpairedLoader:
    """Global batches of documents and texts, of which every process takes its share of rows.

    An epoch is one pass over the shorter side, beside as many members of the longer one, drawn anew each epoch. There
    is no state to save: batch `i` of `epoch` is a function of the seed (see data.loader.BatchLoader).
    """

    documents: TokenizedSide
    texts: TokenizedSide
    vocabulary: SlotVocabulary
    noise: SummaryNoise
    batch_size: int
    seed: int
    rank: int = 0
    world_size: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Global batches in an epoch."""
        whole, left = divmod(min(len(self.documents), len(self.texts)), self.batch_size)
        return whole + (left >= self.world_size)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[UnpairedBatch]:
        """This process's rows of the batches from `first` on. A batch with fewer rows than processes is left out."""
        rng = np.random.default_rng(mix(self.seed, epoch))
        documents, texts = (self.order(side, rng) for side in (self.documents, self.texts))
        pairs = list(enumerate(zip(documents, texts, strict=True)))
        kept = [(number, rows) for number, rows in pairs if len(rows[0]) >= self.world_size]
        for number, rows in kept[first:]:
            yield self.share(*rows, mix(self.seed, epoch, number))

    def order(self, side: TokenizedSide, rng: np.random.Generator) -> list[np.ndarray]:
        """Batches of nearly equal length, all full but the last."""
        chosen = rng.permutation(len(side))[: min(len(self.documents), len(self.texts))]
        batches = bucketed_order(side.lengths[chosen], self.batch_size, rng)
        return sorted((chosen[batch] for batch in batches), key=len, reverse=True)  # stable: full ones stay shuffled

    def share(self, documents: np.ndarray, texts: np.ndarray, seed: int) -> UnpairedBatch:
        """Collate the whole batch (so that noise does not depend on the split) and keep this process's rows."""
        batch = self.collate(documents, texts, seed)
        bounds = [len(batch) * r // self.world_size for r in range(self.world_size + 1)]
        return batch.rows(bounds[self.rank], bounds[self.rank + 1])

    def collate(self, documents: np.ndarray, texts: np.ndarray, seed: int) -> UnpairedBatch:
        """The documents and texts of these numbers, (B,) each, with the noise of `seed`."""
        rng = np.random.default_rng(seed)
        read, read_lengths = self.documents.extended(documents)
        written, written_lengths = self.texts.extended(texts)
        noised, noised_lengths = self.noise(written, written_lengths, self.texts.keys[texts], rng)
        read = self.slotted(read, rng)
        both = self.slotted(np.concatenate((written, noised), axis=1), rng)  # the text's unknown words first
        width = written.shape[1]
        return UnpairedBatch(
            Sequences.build(read, read_lengths),
            Sequences.build(both[:, :width], written_lengths),
            Sequences.build(both[:, width:], noised_lengths),
            NoiseKey(seed, 0, len(texts)),
        )

    def slotted(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Hashed ids to ids, slots shuffled for each row."""
        return assign_slots(ids, self.vocabulary.words, self.vocabulary.slots, rng)


def evaluation_batches(
    texts: TokenizedSide, vocabulary: SlotVocabulary, batch_size: int
) -> Iterator[tuple[np.ndarray, Sequences]]:
    """All texts of a side once, sorted by length, slots by first appearance: (rows, sequences)."""
    order = np.argsort(texts.lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        ids, lengths = texts.extended(rows)
        yield rows, Sequences.build(assign_slots(ids, vocabulary.words, vocabulary.slots), lengths)
