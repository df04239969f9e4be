"""Blanks in place of hidden words, against a loop over words."""

from __future__ import annotations

from itertools import groupby

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import EOS, MASK, PAD
from textvae.errors import UserError
from textvae.modules.blanks import Blanked, blanked
from textvae.modules.config import BlanksConfig
from textvae.modules.noise import NoiseKey

HIDDEN = 9
sentences = st.lists(st.lists(st.sampled_from([5, 6, 7, HIDDEN]), max_size=7), min_size=1, max_size=5)


def batch(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows)) + 1
    ids = torch.tensor([[*row, EOS, *[PAD] * (width - len(row) - 1)] for row in rows])
    return ids, ids != PAD


def read(rows: list[list[int]], config: BlanksConfig, key: NoiseKey | None = None, noisy: bool = False) -> Blanked:
    ids, mask = batch(rows)
    return blanked(ids == HIDDEN, mask, config, key, noisy)


def written(rows: list[list[int]], found: Blanked) -> list[list[int]]:
    ids = found.words(batch(rows)[0], MASK)
    assert torch.equal(ids != PAD, found.mask), "padding is padding, and nothing else is"
    return [row[row != PAD].tolist() for row in ids]


@given(sentences)
def test_one_blank_for_each_word_or_for_a_run(rows: list[list[int]]) -> None:
    each = [[MASK if word == HIDDEN else word for word in row] + [EOS] for row in rows]
    assert written(rows, read(rows, BlanksConfig())) == each
    runs = [[x for word, group in groupby(row) for x in ([word] if word == MASK else list(group))] for row in each]
    assert written(rows, read(rows, BlanksConfig(join=True))) == runs
    loud = BlanksConfig(join=True, widen=0.5, insert=0.5)
    assert written(rows, read(rows, loud)) == runs, "noise is for training"


@given(sentences, st.integers(0, 99))
def test_noise_leaves_words_in_order_and_never_two_blanks_together(rows: list[list[int]], seed: int) -> None:
    found = written(rows, read(rows, BlanksConfig(True, 0.4, 0.3), NoiseKey(seed, 0, len(rows)), noisy=True))
    for before, after in zip(rows, found, strict=True):
        assert after[-1] == EOS and HIDDEN not in after
        assert all((a, b) != (MASK, MASK) for a, b in zip(after, after[1:], strict=False))
        rest = iter([*before, EOS])
        assert all(word in rest for word in after if word != MASK), "a subsequence of the sentence"


def test_shares_are_those_asked_for() -> None:
    rows, key = [[5, 6, HIDDEN, 7, 5]] * 4000, NoiseKey(3, 0, 4000)
    wide = written(rows, read(rows, BlanksConfig(True, widen=0.3), key, noisy=True))
    shares = {tuple(row): wide.count(row) / 4000 for row in wide}
    assert shares[(5, MASK, 7, 5, EOS)] == pytest.approx(0.3 * 0.7, abs=0.03)
    assert shares[(5, 6, MASK, 5, EOS)] == pytest.approx(0.3 * 0.7, abs=0.03)
    assert shares[(5, MASK, 5, EOS)] == pytest.approx(0.3 * 0.3, abs=0.03) and len(shares) == 4
    empty = written([[5, 6]] * 4000, read([[5, 6]] * 4000, BlanksConfig(True, insert=0.2), key, noisy=True))
    assert sum(row[0] == MASK for row in empty) / 4000 == pytest.approx(0.2, abs=0.03)
    assert sum(row.count(MASK) for row in empty) / 12000 == pytest.approx(0.2, abs=0.02)
    assert all([word for word in row if word != MASK] == [5, 6, EOS] for row in empty), "nothing is taken away"
    both = written([[5, 6]] * 4000, read([[5, 6]] * 4000, BlanksConfig(True, 0.3, 0.2), key, noisy=True))
    assert sum(5 not in row for row in both) / 4000 == pytest.approx(0.2 * 0.3, abs=0.02)


@given(sentences)
def test_alone_as_in_a_batch(rows: list[list[int]]) -> None:
    config = BlanksConfig(True, 0.4, 0.3)
    together = written(rows, read(rows, config, NoiseKey(5, 2, 20), noisy=True))
    for place, row in enumerate(rows):
        assert written([row], read([row], config, NoiseKey(5, 2 + place, 20), noisy=True)) == [together[place]]


def test_vectors_are_rearranged_as_words_are() -> None:
    rows = [[5, HIDDEN, HIDDEN, 6], [HIDDEN]]
    ids, found = batch(rows)[0], read(rows, BlanksConfig(join=True))
    table, blank = torch.randn(10, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    table[PAD] = 0
    expected = table[found.words(ids, MASK)]
    expected[found.blank & found.mask] = blank
    torch.testing.assert_close(found.words(table[ids], blank), expected)


@pytest.mark.parametrize("values", [{"widen": 1.0}, {"insert": -0.1}, {"widen": 0.1}, {"insert": 0.1}])
def test_what_cannot_be(values: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"model\.blanks"):
        BlanksConfig(**values)  # type: ignore[arg-type]
