"""Sentences between an input and its rewritings."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from textvae.inference.decoding import Decoded
from textvae.inference.writing import applied, between, edits, partly_undone, stacked
from textvae.tokenization.config import SpecialIds

IDS = SpecialIds()
sentences = st.lists(st.integers(6, 12), max_size=9)


def test_edits_are_runs_of_words() -> None:
    assert edits((6, 7, 8, 9), (6, 5, 9)) == [(1, 3, (5,))]
    assert edits((6, 7, 8), (6, 7, 8, 10)) == [(3, 3, (10,))]
    assert edits((6, 7), (6, 7)) == []


@given(sentences, sentences)
def test_all_edits_give_the_rewriting_and_none_the_source(source: list[int], rewriting: list[int]) -> None:
    found = edits(source, rewriting)
    assert applied(source, found) == tuple(rewriting)
    assert applied(source, []) == tuple(source)
    assert all(left.end < right.begin for left, right in pairwise(found))


def test_two_edits_leave_each_of_them_alone() -> None:
    assert between((6, 7, 8), (9, 7, 10)) == [(6, 7, 10), (9, 7, 8)]


def test_of_three_edits_one_is_undone_or_one_alone_is_left() -> None:
    found = between((1, 20, 2, 21, 3), (4, 20, 21, 5))
    undone = [(1, 20, 21, 5), (4, 20, 2, 21, 5), (4, 20, 21, 3)]
    assert found == [*undone, (4, 20, 2, 21, 3), (1, 20, 21, 3), (1, 20, 2, 21, 5)]


def test_one_edit_has_nothing_between() -> None:
    assert between((6, 7, 8), (6, 9, 9, 8)) == []


@given(st.lists(st.tuples(sentences, st.lists(sentences, max_size=3)), min_size=1, max_size=4))
def test_rows_hold_what_is_new_once(rows: list[tuple[list[int], list[list[int]]]]) -> None:
    sources = stacked([[source] for source, _ in rows], IDS)[:, 0]
    tokens = stacked([candidates for _, candidates in rows], IDS)
    made = partly_undone(sources, Decoded(tokens, torch.zeros(tokens.shape[:2]), (tokens != IDS.pad).sum(2)), IDS)
    for (source, candidates), row in zip(rows, made.tolist(), strict=True):
        found = [tuple(t for t in sentence if t != IDS.pad) for sentence in row]
        found = [sentence for sentence in found if sentence]
        expected = {new for c in candidates for new in between(source, c)}
        expected -= {tuple(source), (), *map(tuple, candidates)}
        assert all(sentence[-1] == IDS.eos for sentence in found)
        assert len(found) == len(expected) and {sentence[:-1] for sentence in found} == expected


def test_unknown_words_of_the_input_do_not_come_back() -> None:
    """Unless all of them do, and the words that they stand for can be put back."""
    source, rewriting = (IDS.unk, 7, 8, 9, IDS.unk), (6, 7, 10, 9, IDS.unk)
    sources, tokens = stacked([[source]], IDS)[:, 0], stacked([[rewriting]], IDS)
    found = Decoded(tokens, torch.zeros(1, 1), torch.tensor([[6]]))
    assert partly_undone(sources, found, IDS).shape[1] == 0
    assert partly_undone(sources, found, IDS, puts_back=True).tolist() == [[[IDS.unk, 7, 10, 9, IDS.unk, IDS.eos]]]
