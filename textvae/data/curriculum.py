"""Short sentences first: the longest sentence that an epoch shows grows from epoch to epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from textvae.data.batch import Batch
from textvae.data.loader import BatchLoader
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError


@dataclass
class CurriculumConfig:
    """Sentences of at most `first` words in the first epoch, `growth` words more in each further one."""

    first: int | None = None
    """Longest sentence of the first epoch, in tokens. Default: all from the start."""
    growth: int = 1
    """Tokens by which the longest sentence grows with each epoch."""

    def __post_init__(self) -> None:
        if (self.first is not None and self.first < 1) or self.growth < 1:
            raise UserError("curriculum.first and .growth must be at least 1")

    def longest(self, epoch: int) -> int | None:
        """Longest sentence of an epoch, None where there is no bound."""
        return None if self.first is None else self.first + epoch * self.growth


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
