"""Names and numbers: told by rarity and by their digits."""

from __future__ import annotations

import numpy as np
import pytest

from textvae.evaluation.summaries.rare_words import RareWords, is_number, is_word, kept_and_invented

DOCUMENTS = [*["the bank rose"] * 50, "the bank of lima", "oslo rose 3.5 %", "oslo fell"]


@pytest.mark.parametrize(
    ("word", "number"), [("3.5", True), ("##", True), ("1980s", True), ("three", False), ("%", False)]
)
def test_numbers_have_digits_or_masks(word: str, number: bool) -> None:
    assert is_number(word) == number


@pytest.mark.parametrize(
    ("word", "expected"), [("oslo", True), ("<unk>", False), (".", False), ("``", False), ("é", True)]
)
def test_marks_are_no_words(word: str, expected: bool) -> None:
    assert is_word(word) == expected


def test_a_word_is_rare_in_few_documents_however_often_it_stands_there() -> None:
    rare = RareWords([*DOCUMENTS, "lima lima lima"], share=0.04)
    assert rare("the bank of lima , oslo and quito : <unk> 3.5 %") == {"of", "lima", "oslo", "and", "quito", "3.5"}
    assert "oslo" not in RareWords(DOCUMENTS, share=0.01)("oslo")
    assert RareWords(DOCUMENTS, share=1)("bank quito 7") == {"bank", "quito", "7"}


def test_in_few_documents_a_word_of_one_is_rare() -> None:
    assert RareWords(["a b", "a c"], share=0.002)("a b c") == {"b", "c"}


def test_kept_and_invented_are_counted_by_kinds() -> None:
    """The document has lima, quito and 7; the summary says lima twice, cairo and 8."""
    rare = RareWords(DOCUMENTS, share=0.1)
    found = kept_and_invented(["lima lima cairo rose 8"], ["the bank of lima and quito rose 7"], rare)
    assert rare("of and") == {"of", "and"}
    np.testing.assert_array_equal(found, [[5, 1, 3, 2]])
    np.testing.assert_array_equal(kept_and_invented(["", "lima"], ["lima", ""], rare), [[1, 0, 0, 0], [0, 0, 1, 1]])
