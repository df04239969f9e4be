"""Short sentences first: the longest sentence that an epoch shows grows from epoch to epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from textvae.data.batch import Batch
from textvae.data.config import CurriculumConfig
from textvae.data.loader import BatchLoader
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError


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
