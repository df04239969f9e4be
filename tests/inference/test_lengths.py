"""The arithmetic of lengths: what is asked for, shares of pieces, and when a document is condensed first."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference.lengths import SENSIBLE, Length, WantedLength, condensed, crowded, divided, shared

pieces_of = st.lists(st.integers(1, 70), min_size=1, max_size=12)


# ---------------------------------------------------------------------- what is asked for
@pytest.mark.parametrize(
    ("wanted", "document", "length"),
    [
        (WantedLength(), 30, (4, 8)),
        (WantedLength(words=8), 30, (4, 8)),
        (WantedLength(words=9), 30, (5, 9)),
        (WantedLength(words=1), 30, (1, 1)),
        (WantedLength(words=8), 5, (3, 5)),  # never longer than the document
        (WantedLength(words=8, least=1), 30, (1, 8)),
        (WantedLength(words=8, least=8), 30, (8, 8)),
        (WantedLength(words=8, least=7), 5, (5, 5)),
        (WantedLength(ratio=0.3), 10, (2, 3)),  # although .3 * 10 < 3 in binary
        (WantedLength(ratio=0.3), 19, (3, 5)),
        (WantedLength(ratio=0.01), 10, (1, 1)),
        (WantedLength(ratio=1.0), 7, (4, 7)),
        (WantedLength(ratio=0.5, least=4), 6, (3, 3)),
        (WantedLength(words=8), 0, (1, 1)),
    ],
    ids=str,
)
def test_limits_of_a_document(wanted: WantedLength, document: int, length: tuple[int, int]) -> None:
    assert wanted.of(document) == Length(*length)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_ratio_is_never_exceeded(document: int, thousandths: int) -> None:
    ratio = (thousandths % 1000 + 1) / 1000
    length = WantedLength(ratio=ratio).of(document)
    assert length.most == max(1, document * (thousandths % 1000 + 1) // 1000)
    assert 1 <= length.least <= length.most


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"words": 8, "ratio": 0.3}, "exclude"),
        ({"words": 0}, "words"),
        ({"words": -3}, "words"),
        ({"ratio": 0.0}, "ratio"),
        ({"ratio": 1.2}, "ratio"),
        ({"ratio": float("nan")}, "ratio"),
        ({"least": 0}, "min_words"),
        ({"least": 9}, "min_words"),  # more than the 8 that nobody had to ask for
        ({"words": 4, "least": 5}, "min_words"),
    ],
    ids=str,
)
def test_contradictions(options: dict[str, float], word: str) -> None:
    with pytest.raises(UserError, match=word):
        WantedLength(**options)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- shares
@given(pieces_of, st.integers(0, 300))
def test_shares_are_proportional_and_lose_nothing(weights: list[int], more: int) -> None:
    total = len(weights) + more
    shares = shared(total, weights)
    assert sum(shares) == total and min(shares) >= 1
    # Webster's method: no piece that got more than one word had a weaker claim to its last than another to its next
    for (share, weight), (other, claim) in itertools.permutations(zip(shares, weights, strict=True), 2):
        assert share == 1 or weight / (2 * share - 1) >= claim / (2 * other + 1) - 1e-12


@given(pieces_of, st.integers(0, 100))
def test_no_share_falls_when_the_total_rises(weights: list[int], more: int) -> None:
    total = len(weights) + more
    assert all(a <= b for a, b in zip(shared(total, weights), shared(total + 1, weights), strict=True))


def test_shares_by_hand() -> None:
    assert shared(12, [30, 20, 10]) == [6, 4, 2]
    assert shared(8, [53, 24, 23]) == [4, 2, 2]  # 4.24, 1.92, 1.84
    assert shared(5, [60, 60, 1]) == [2, 2, 1]
    assert shared(0, []) == []


@given(pieces_of, st.integers(1, 400), st.integers(1, 400))
def test_a_divided_length_keeps_the_whole_and_every_piece_within(pieces: list[int], most: int, least: int) -> None:
    length = Length(least, most).within(sum(pieces))
    length = Length(min(length.least, length.most), length.most)
    if crowded(length, pieces):
        return
    parts = divided(length, pieces)
    assert sum(p.most for p in parts) == length.most
    assert sum(p.least for p in parts) == max(length.least, len(pieces))
    assert all(1 <= p.least <= p.most <= n for p, n in zip(parts, pieces, strict=True))


# ---------------------------------------------------------------------- many pieces, few words
def test_when_pieces_are_crowded() -> None:
    assert crowded(Length(1, 3 * SENSIBLE - 1), [60, 60, 60]) and not crowded(Length(1, 3 * SENSIBLE), [60, 60, 60])
    assert not crowded(Length(1, 1), [60]) and not crowded(Length(1, 8), [])
    assert not crowded(Length(1, 5), [5, 5]), "half of so short a document is enough"
    assert crowded(Length(1, 1), [1, 1]), "fewer words than pieces"


@given(pieces_of, st.integers(1, 400), st.integers(4, 70))
def test_condensing_shrinks_but_never_below_what_is_wanted(pieces: list[int], most: int, room: int) -> None:
    lengths = condensed(pieces, room)
    assert all(1 <= x.least <= x.most <= (n + 1) // 2 for x, n in zip(lengths, pieces, strict=True))
    assert sum(x.most for x in lengths) <= room + SENSIBLE * len(pieces)
    if len(pieces) <= most and crowded(Length(1, most), pieces) and room >= max(pieces):
        assert sum(x.most for x in lengths) >= most
