"""Batches of equal length in an order that is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from textvae.data.batch import Batch
from textvae.data.collate import Collator, close, padded
from textvae.data.tokenized import TokenizedCorpus
from textvae.modules.noise import NoiseKey, mix


def bucketed_order(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """One epoch: every sentence once, in batches of one length wherever a length fills a batch.

    Equal lengths mean no padding and no packing: 1.3 times the throughput. What a length leaves over joins the
    neighbouring lengths, so that only the very last batch is smaller than `batch_size`.
    """
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    borders = np.flatnonzero(np.diff(lengths[order])) + 1
    full: list[np.ndarray] = []
    rest: list[np.ndarray] = []
    for bucket in np.split(order, borders):
        whole = len(bucket) // batch_size * batch_size
        full.extend(np.split(bucket[:whole], whole // batch_size) if whole else [])
        rest.append(bucket[whole:])
    left = np.concatenate(rest) if rest else order[:0]
    mixed = [left[i : i + batch_size] for i in range(0, len(left), batch_size)]
    batches = full + mixed
    return [batches[i] for i in rng.permutation(len(batches))]


@dataclass(frozen=True)
class BatchLoader:
    """Global batches of a training corpus, of which every process takes its share of rows.

    There is no state to save: batch `i` of `epoch` is a function of the seed. So a resumed run, a run on several
    processes and a run with micro-batches read the same sentences with the same noise.
    """

    corpus: TokenizedCorpus
    collator: Collator
    batch_size: int
    seed: int
    rank: int = 0
    world_size: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Global batches in an epoch."""
        whole, left = divmod(len(self.corpus), self.batch_size)
        return whole + (left >= self.world_size)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """This process's rows of the batches from `first` on. A batch with fewer rows than processes is left out."""
        order = enumerate(self.order(epoch))
        kept = [(number, indices) for number, indices in order if len(indices) >= self.world_size]
        for number, indices in kept[first:]:
            yield self.share(self.collated(indices, mix(self.seed, epoch, number)))

    def order(self, epoch: int) -> list[np.ndarray]:
        """The sentences of every batch of an epoch."""
        return bucketed_order(self.corpus.lengths, self.batch_size, np.random.default_rng(mix(self.seed, epoch)))

    def collated(self, indices: np.ndarray, seed: int) -> Batch:
        """The whole batch, so that noise does not depend on the split."""
        batch = self.collator(self.corpus, indices, np.random.default_rng(seed))
        return replace(batch, key=NoiseKey(seed, 0, len(indices)), stored=self.stored(indices))

    def stored(self, indices: np.ndarray) -> torch.Tensor | None:
        """What the corpus has of sentences (B,) in another style: ids (B, T)."""
        if self.corpus.transfers is None:
            return None
        return torch.from_numpy(close(*padded([self.corpus.transfers.sentence(int(i)) for i in indices])))

    def share(self, batch: Batch) -> Batch:
        """This process's rows of a global batch."""
        bounds = batch.cuts(self.world_size)
        return batch.rows(bounds[self.rank], bounds[self.rank + 1])


def evaluation_batches(
    corpus: TokenizedCorpus, collator: Collator, batch_size: int
) -> Iterator[tuple[np.ndarray, Batch]]:
    """All sentences once, sorted by length, without noise: (indices, batch)."""
    order = np.argsort(corpus.lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        yield indices, collator(corpus, indices)
