"""Short sentences first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.laws import tiny_collator, tiny_corpus, tiny_loader
from textvae.data.config import CurriculumConfig
from textvae.data.loader import CurriculumLoader
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError

CORPUS = tiny_corpus(40)


def loader(first: int | None, growth: int = 2, **options: int) -> CurriculumLoader:
    return CurriculumLoader(CORPUS, tiny_collator(), 4, 5, **options, curriculum=CurriculumConfig(first, growth))


def lengths(found: CurriculumLoader, epoch: int) -> list[int]:
    return sorted(int(n) for batch in found.epoch(epoch) for n in (batch.labels >= 0).sum(1) - 1)


def test_every_epoch_shows_all_sentences_that_are_not_too_long_for_it() -> None:
    for epoch in range(4):
        longest = 2 + 2 * epoch
        assert lengths(loader(2), epoch) == sorted(int(n) for n in CORPUS.lengths if n <= longest), epoch


def test_without_a_bound_it_is_the_plain_loader() -> None:
    for ours, plain in itertools.zip_longest(loader(None).epoch(3), tiny_loader(CORPUS, 4).epoch(3)):
        assert ours.key == plain.key and np.array_equal(ours.labels, plain.labels)
    assert loader(2).steps_per_epoch == tiny_loader(CORPUS, 4).steps_per_epoch


def test_a_later_start_and_a_share_of_the_rows_are_parts_of_the_whole() -> None:
    whole = list(loader(3).epoch(0))
    assert [b.key for b in loader(3).epoch(0, first=2)] == [b.key for b in whole[2:]]
    shares = [list(loader(3, rank=rank, world_size=2).epoch(0)) for rank in (0, 1)]
    for both, one, two in zip(whole, *shares, strict=False):
        assert len(both) == len(one) + len(two)


def test_what_shows_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="at least 1"):
        CurriculumConfig(0)
    long = TokenizedCorpus.from_lists([[5, 6], [7, 8, 9]], [0, 0])
    lonely = CurriculumLoader(long, tiny_collator(), 4, 5, curriculum=CurriculumConfig(1))
    with pytest.raises(UserError, match="no training sentence"):
        list(lonely.epoch(0))
