"""Batches of sentences from a block of documents at a time, in an order that is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from textvae.data.batch import Batch
from textvae.data.loader import BatchLoader, bucketed_order, evaluation_batches
from textvae.data.tokenized import TokenizedCorpus
from textvae.modules.noise import mix

INFERENCE = 512
"""Sentences of a batch from which means are inferred."""


@dataclass(frozen=True, kw_only=True)
class DocumentBatch(Batch):
    """`Batch`, whose `style` is the number of the sentence's document, and where its mean stands in the table.

    row: (B,) row of the table. count: (B,) sentences of the document, n. block: (B,) the one number of the block of
    documents whose means the table must hold (see `DocumentLoader`).
    """

    row: Tensor
    count: Tensor
    block: Tensor


@dataclass(frozen=True)
class DocumentLoader(BatchLoader):
    """Hierarchical sampling (Hsu & Glass 2018, arXiv 1804.03201): documents first, then their sentences.

    An epoch deals all documents at random into blocks of at most `block_size`, of nearly equal size, and goes through
    the sentences of one block after the other in batches of one length. A table of means then needs `block_size` rows
    however many documents there are. `block_size` None: one block of all documents, the same in every epoch (number 0).
    As with `BatchLoader` there is no state to save.
    """

    block_size: int | None = None

    @cached_property
    def documents(self) -> np.ndarray:
        """Numbers of the documents that have a sentence, (D,)."""
        return np.unique(self.corpus.labels)

    @cached_property
    def counts(self) -> np.ndarray:
        """Sentences of every document by its number."""
        return np.bincount(self.corpus.labels)

    @cached_property
    def blocks(self) -> int:
        """Blocks of an epoch."""
        return -(-len(self.documents) // (self.block_size or len(self.documents)))

    @property
    def rows(self) -> int:
        """Rows that the table needs: documents of the largest block."""
        return -(-len(self.documents) // self.blocks)

    @cached_property
    def steps_per_epoch(self) -> int:  # type: ignore[override]
        """Global batches of the first epoch; with several blocks, others may have a few more or fewer."""
        return sum(len(indices) >= self.world_size for indices in self.order(0))

    def members(self, block: int) -> np.ndarray:
        """Documents of a block, in the order of their rows; `block` counts on over the epochs."""
        if self.blocks == 1:
            return self.documents
        epoch, place = divmod(block, self.blocks)
        dealt = np.random.default_rng(mix(self.seed, epoch, BLOCKS)).permutation(self.documents)
        return np.sort(np.array_split(dealt, self.blocks)[place])

    def order(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng(mix(self.seed, epoch))
        found: list[np.ndarray] = []
        for block in self.numbers(epoch):
            rows = self.sentences(self.members(block))
            found += [rows[batch] for batch in bucketed_order(self.corpus.lengths[rows], self.batch_size, rng)]
        return found

    def numbers(self, epoch: int) -> range:
        """Numbers of the blocks of an epoch."""
        return range(1) if self.blocks == 1 else range(epoch * self.blocks, (epoch + 1) * self.blocks)

    def sentences(self, documents: np.ndarray) -> np.ndarray:
        """Numbers of the sentences of some documents."""
        return np.flatnonzero(np.isin(self.corpus.labels, documents))

    def epoch(self, epoch: int, first: int = 0) -> Iterator[DocumentBatch]:
        """This process's rows of the batches from `first` on."""
        place = {int(d): (block, row) for block in self.numbers(epoch) for row, d in enumerate(self.members(block))}
        for batch in super().epoch(epoch, first):
            blocks, rows = zip(*(place[document] for document in batch.style.tolist()), strict=True)
            yield self.placed(batch, rows, blocks)

    def placed(self, batch: Batch, rows: tuple[int, ...], blocks: tuple[int, ...]) -> DocumentBatch:
        """A batch with the places of its documents."""
        counts = torch.from_numpy(self.counts[batch.style.numpy()])
        places = {"row": torch.tensor(rows), "count": counts, "block": torch.tensor(blocks)}
        return DocumentBatch(**batch.tensors(), **places, key=batch.key)  # type: ignore[arg-type]

    def reading(self, block: int) -> Iterator[DocumentBatch]:
        """Every sentence of a block once, without noise: what its means are inferred from."""
        members = self.members(block)
        chosen = self.sentences(members)
        labels = self.corpus.labels[chosen]
        part = TokenizedCorpus.from_lists([self.corpus.sentence(int(i)).tolist() for i in chosen], labels.tolist())
        for _, batch in evaluation_batches(part, self.collator, INFERENCE):
            rows = np.searchsorted(members, batch.style.numpy())
            yield self.placed(batch, tuple(rows.tolist()), (block,) * len(batch))


BLOCKS = 1 << 30
"""Keeps the dealing of documents apart from the batches, whose numbers are smaller."""
