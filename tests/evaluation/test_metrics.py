"""Content, copies, diversity and the means, each by hand and by its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.evaluation.metrics import content_words, copies, cosines, distinct, measures, word_overlaps
from textvae.evaluation.word_vectors import WordVectors

from .reviews import STOP_WORDS, reviews, style_words

EXCLUDED = frozenset(style_words() | STOP_WORDS)
TEXTS = st.lists(st.sampled_from(["pizza", "waiter", "soup", "the", "awful", "great", "."]), max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    return WordVectors.fit((text for text, _ in reviews(200)), size=10)


def test_content_words() -> None:
    assert content_words("the pizza was awful , 5 stars !", EXCLUDED) == ["pizza", "5", "stars"]


def test_word_overlap_by_hand() -> None:
    outputs = ["the pizza and soup was great", "great soup", "", "", "great !"]
    inputs = ["the pizza and salad was awful", "soup awful", "the pizza", "", "awful ."]
    np.testing.assert_allclose(word_overlaps(outputs, inputs, EXCLUDED), [1 / 3, 1, 0, 1, 1])


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_overlap_and_cosine_laws(vectors: WordVectors, pairs: list[tuple[str, str]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    for measure in (
        lambda x, y: word_overlaps(x, y, EXCLUDED),
        lambda x, y: cosines(x, y, EXCLUDED, vectors),
    ):
        np.testing.assert_allclose(measure(a, a), 1, atol=1e-6)
        np.testing.assert_allclose(measure(a, b), measure(b, a), atol=1e-6)
        np.testing.assert_allclose(measure(a[::-1], b[::-1]), measure(a, b)[::-1], atol=1e-6)
        assert (np.abs(measure(a, b)) <= 1 + 1e-6).all()


def test_style_words_do_not_touch_content(vectors: WordVectors) -> None:
    outputs, inputs = ["the pizza was great ."], ["the pizza was awful ."]
    assert word_overlaps(outputs, inputs, EXCLUDED)[0] == 1
    assert cosines(outputs, inputs, EXCLUDED, vectors)[0] == pytest.approx(1)
    assert word_overlaps(outputs, inputs, STOP_WORDS)[0] == 1 / 3
    assert cosines(outputs, inputs, STOP_WORDS, vectors)[0] < 0.999


def test_cosine_without_known_words(vectors: WordVectors) -> None:
    outputs, inputs = ["zzz", "zzz", "", "pizza"], ["zzz", "yyy", "", ""]
    np.testing.assert_allclose(cosines(outputs, inputs, EXCLUDED, vectors), [1, 0, 1, 0])


def test_copies_are_word_for_word() -> None:
    assert copies(["a b", "a  b ", "a b .", "", "A b"], ["a b", "a b", "a b", "", "a b"]).tolist() == [1, 1, 0, 1, 0]


def test_distinct() -> None:
    assert distinct(["a b a", "a b"], 1) == 2 / 5
    assert distinct(["a b a", "a b"], 2) == 2 / 3
    assert np.isnan(distinct(["", "a"], 2))


def sums(hits: tuple[float, float], count: float, bleu_lengths: tuple[float, float]) -> dict[str, np.ndarray]:
    """Statistics of `count` sentences with all n-grams right, `bleu_lengths` = words of output and of reference."""
    ours, theirs = bleu_lengths
    perfect = np.array([1, ours, theirs, *([ours] * 8)])
    names = ("overlap", "cosine", "unknown", "copies", "empty")
    return {name: np.array([0.0]) for name in names} | {
        "count": np.array([count]), "hits": np.array(hits), "self_bleu": perfect, "ref_bleu": np.zeros(11),
        "tokens": np.array([6.0]), "log_prob": np.array([-6 * np.log(8)]),
    }  # fmt: skip


def test_means_by_hand() -> None:
    found = measures(sums((1, 3), 4, (10, 20)), ["x", "y"])
    bleu = 100 * np.exp(-1)
    assert (found["accuracy_x"], found["accuracy_y"], found["accuracy"]) == (25, 75, 50)
    assert found["self_bleu"] == pytest.approx(bleu)
    assert found["geometric_self"] == pytest.approx(np.sqrt(50 * bleu))
    assert found["harmonic_self"] == pytest.approx(2 / (1 / 50 + 1 / bleu))
    assert found["perplexity"] == pytest.approx(8)
    assert found["mean_length"] == 0.5  # six tokens of four sentences, of which four are </s>
    assert np.isnan(found["ref_bleu"]) and np.isnan(found["geometric_ref"]) and np.isnan(found["harmonic_ref"])


def test_nothing_right_has_mean_0() -> None:
    found = measures(sums((0, 0), 4, (0, 20)), ["x", "y"])
    assert found["self_bleu"] == found["geometric_self"] == found["harmonic_self"] == 0
