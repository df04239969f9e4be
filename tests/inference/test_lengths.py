"""The arithmetic of lengths: what is asked for, and limits for a document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference.lengths import Length, WantedLength


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
