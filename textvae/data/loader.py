"""Batches of equal length in an order that is a pure function of (seed, epoch); groups; short sentences first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from textvae.data.batch import Batch, Collator, close, padded
from textvae.data.config import CurriculumConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
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


@dataclass(frozen=True)
class CurriculumLoader(BatchLoader):
    """A loader whose epochs leave out what is too long for them; still a pure function of (seed, epoch).

    steps_per_epoch is that of the whole corpus, so `training.epochs` stands for as many steps as without a curriculum;
    the early epochs are shorter, and there are more of them.
    """

    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        longest = self.curriculum.longest(epoch)
        if longest is None or longest >= int(self.corpus.lengths.max()):
            yield from super().epoch(epoch, first)
            return
        rows = np.flatnonzero(self.corpus.lengths <= longest)
        if not len(rows):
            raise UserError(f"curriculum.first: no training sentence has at most {longest} words; raise it")
        sentences = [self.corpus.sentence(int(row)).tolist() for row in rows]
        short = TokenizedCorpus.from_lists(sentences, self.corpus.labels[rows].tolist())
        yield from BatchLoader.epoch(replace(self, corpus=short), epoch, first)


def evaluation_batches(
    corpus: TokenizedCorpus, collator: Collator, batch_size: int
) -> Iterator[tuple[np.ndarray, Batch]]:
    """All sentences once, sorted by length, without noise: (indices, batch)."""
    order = np.argsort(corpus.lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        yield indices, collator(corpus, indices)
