"""LEAD: first words, equal length, and cuts that a language model chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.evaluation.summaries.lead import (
    equal_length,
    language_model_cuts,
    lead,
    leads,
    shared_lengths,
    usual_ending,
    word_count,
)
from textvae.inference.kneser_ney import KneserNey

DOCUMENTS = ["a b c d e f", "a b", "a b c d"]


def test_first_words() -> None:
    assert leads(DOCUMENTS, 3) == ["a b c", "a b", "a b c"]
    assert leads(DOCUMENTS, [1, 2, 9]) == ["a", "a b", "a b c d"]
    assert lead("", 3) == "" and lead("a b", 0) == ""


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8), st.lists(st.integers(0, 12), min_size=8, max_size=8))
def test_equal_length_is_the_nearest_of_all(document_lengths: list[int], output_lengths: list[int]) -> None:
    documents = [" ".join("w" * length) for length in document_lengths]
    outputs = [" ".join("w" * length) for length in output_lengths[: len(documents)]]
    target = sum(map(word_count, outputs)) / len(outputs)

    def distance(k: int) -> float:
        return abs(sum(map(word_count, leads(documents, k))) / len(documents) - target)

    found = equal_length(documents, outputs)
    assert distance(found) <= min(map(distance, range(20))) + 1e-9
    assert all(distance(k) > distance(found) - 1e-9 for k in range(found))


def test_the_shorter_of_two_leads_that_are_as_near() -> None:
    assert equal_length(["a b c d", "a b c d"], ["a", "a b"]) == 1


@given(st.lists(st.integers(0, 12), min_size=1, max_size=9), st.floats(0, 12))
def test_shared_lengths_have_the_mean_and_differ_by_one(lengths: list[int], mean: float) -> None:
    found = shared_lengths([" ".join("w" * length) for length in lengths], mean)
    assert sum(found) == min(round(mean * len(lengths)), sum(lengths))
    cut = [count for count, length in zip(found, lengths, strict=True) if count < length]
    assert all(count <= length for count, length in zip(found, lengths, strict=True))
    assert not cut or max(found) - min(cut) <= 1


@pytest.mark.parametrize(
    ("texts", "mark"),
    [(["a .", "b .", "c"], "."), (["a .", "b", "c"], ""), (["a end", "b end"], ""), ([], ""), (["", ""], "")],
)
def test_the_usual_ending_is_a_mark_that_most_texts_have(texts: list[str], mark: str) -> None:
    assert usual_ending(texts) == mark


HUMAN = ["prices rose .", "shares fell sharply .", "shares rose ."] * 5
NEWS = ["prices rose in the third quarter of the year .", "shares fell sharply in late trading ."]


def test_the_language_model_cuts_where_human_texts_end() -> None:
    model = KneserNey(3, min_count=1).fit(HUMAN)
    assert language_model_cuts(NEWS, model, 1, 6, ".") == ["prices rose .", "shares fell sharply ."]


@pytest.mark.parametrize("shortest", [1, 3, 5])
def test_cuts_stay_between_the_lengths(shortest: int) -> None:
    model = KneserNey(3, min_count=1).fit(HUMAN)
    for cut, document in zip(language_model_cuts(NEWS, model, shortest, shortest + 1), NEWS, strict=True):
        assert cut == lead(document, word_count(cut)) and word_count(cut) in (shortest, shortest + 1)


def test_short_and_empty_documents_are_kept_whole() -> None:
    model = KneserNey(3, min_count=1).fit(HUMAN)
    assert language_model_cuts(["", "prices ."], model, 5, 9, ".") == [".", "prices ."]
