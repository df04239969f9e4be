"""Batches in which the sentences of a group stand together, beside batches of single sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from textvae.data.batch import Batch
from textvae.data.loader import BatchLoader, bucketed_order
from textvae.modules.noise import mix

GROUPS = 1 << 29
"""Keeps the order of groups apart from that of sentences: batch numbers are smaller."""


@dataclass(frozen=True)
class Assembly:
    """Groups of an epoch, cut so that none is too large: sentences in order, the first place and the size of each."""

    sentences: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    def of(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sentences (B,) of some groups, one group after the other, and the number (B,) of each one's group."""
        sizes = self.sizes[numbers]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.sentences[np.repeat(self.starts[numbers], sizes) + within], np.repeat(numbers, sizes)


@dataclass(frozen=True)
class GroupLoader(BatchLoader):
    """An epoch shows every sentence once without its group, as `BatchLoader` does, and every group once as a group.

    The two kinds of batches are mixed at random, like the batches of different factors in the training of Kulkarni et
    al. 2015 (arXiv 1503.03167, sec. 3.3). A group with more than `members` sentences is cut at random, anew in each
    epoch; a sentence left over, and one without a group, stand among the single ones only. As with `BatchLoader`
    there is no state to save. A group's sentences are always rows of one process and of one micro-batch.
    """

    members: int = 4

    @cached_property
    def grouped(self) -> np.ndarray:
        """Sentences of groups of two or more."""
        assert self.corpus.groups is not None, "these data name no groups"
        _, place, counts = np.unique(self.corpus.groups, return_inverse=True, return_counts=True)
        return np.flatnonzero((counts[place] > 1) & (self.corpus.groups != 0))

    @cached_property
    def steps_per_epoch(self) -> int:  # type: ignore[override]
        """Global batches in an epoch, of both kinds."""
        groups = len(self.assembly(0).sizes)
        whole, left = divmod(groups, self.together)
        return super().steps_per_epoch + whole + (left >= self.world_size)

    @cached_property
    def together(self) -> int:
        """Groups in a batch: as many as have `batch_size` sentences on average, and one for each process at least."""
        sizes = self.assembly(0).sizes
        return max(round(self.batch_size / sizes.mean()), self.world_size) if len(sizes) else 1

    def assembly(self, epoch: int) -> Assembly:
        """The groups of an epoch: how many there are, and of which sizes, is the same in all."""
        assert self.corpus.groups is not None
        rows = np.random.default_rng(mix(self.seed, epoch, GROUPS)).permutation(self.grouped)
        rows = rows[np.argsort(self.corpus.groups[rows], kind="stable")]
        groups = self.corpus.groups[rows]
        begins = np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))
        within = np.arange(len(rows)) - np.repeat(begins, np.diff(begins, append=len(rows)))
        starts = np.flatnonzero(within % self.members == 0)
        sizes = np.diff(starts, append=len(rows))
        return Assembly(rows, starts[sizes > 1], sizes[sizes > 1])

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """This process's rows of the batches from `first` on, those of groups among them."""
        assembly = self.assembly(epoch)
        single = [b for b in enumerate(self.order(epoch)) if len(b[1]) >= self.world_size]
        groups = [b for b in enumerate(self.group_order(assembly, epoch)) if len(b[1]) >= self.world_size]
        places = np.random.default_rng(mix(self.seed, epoch, GROUPS, 1)).permutation(len(single) + len(groups))
        for place in places[first:]:
            if place < len(single):
                number, indices = single[place]
                yield self.share(self.collated(indices, mix(self.seed, epoch, number)))
            else:
                number, chosen = groups[place - len(single)]
                indices, group = assembly.of(chosen)
                batch = self.collated(indices, mix(self.seed, epoch, GROUPS + number))
                yield self.share(replace(batch, group=torch.from_numpy(group)))

    def group_order(self, assembly: Assembly, epoch: int) -> list[np.ndarray]:
        """Numbers of the groups of every batch, groups of like length together."""
        if not len(assembly.sizes):
            return []
        longest = np.maximum.reduceat(self.corpus.lengths[assembly.sentences], assembly.starts)
        return bucketed_order(longest, self.together, np.random.default_rng(mix(self.seed, epoch, GROUPS, 2)))
