"""Words of scripts with and without spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.text import close_up, count_words, first_bytes, is_spaced, is_spaceless, spaced, words

MIXED = st.text(alphabet="ab 1.,今天，。「」かな한국กิ\u0301", max_size=30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the food , really", "the food , really"),
        ("今天天气很好。", "今 天 天 气 很 好 。"),
        ("我用iPhone 15看，好。", "我 用 iPhone 15 看 ， 好 。"),
        ("カタカナとひらがな", "カ タ カ ナ と ひ ら が な"),
        ("한국어는 띄어 쓴다", "한국어는 띄어 쓴다"),  # Korean writes spaces
        ("กิน", "กิ น"),  # a mark stays on its letter
        ("", ""),
    ],
)
def test_spaced(text: str, expected: str) -> None:
    assert spaced(text) == expected


@given(MIXED)
def test_spacing_out_is_idempotent_and_loses_nothing(text: str) -> None:
    once = spaced(text)
    assert spaced(once) == once
    assert once.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("text", ["今天天气很好。", "我用iPhone看，好。", "the food", "一 2 三", "「今天」。"])
def test_closing_up_undoes_it_between_characters_without_spaces(text: str) -> None:
    closed = close_up(spaced(text))
    assert closed.replace(" ", "") == text.replace(" ", "")
    assert not is_spaced(closed)
    assert close_up(text) == text


def test_what_is_spaced() -> None:
    assert is_spaced("今 天") and is_spaced("好 。") and not is_spaced("今天 good 好") and not is_spaced("a b")
    assert is_spaceless("今") and is_spaceless("x今") and not is_spaceless("。") and not is_spaceless("word")


@given(MIXED)
def test_words_are_what_spaces_part(text: str) -> None:
    assert words(text) == spaced(text).split() and count_words(text) == len(words(text))


def test_first_bytes_are_those_of_all_characters_that_stand_alone() -> None:
    alone = {chr(c) for c in range(0x80, 0x40000) if not 0xD800 <= c < 0xE000 and len(words(f"x{chr(c)}x")) > 1}
    assert {char.encode()[0] for char in alone} <= first_bytes()
    assert not first_bytes() & {ord("x"), "é".encode()[0], "я".encode()[0], "한".encode()[0], "😀".encode()[0] + 1}
