"""What the alarms go by: hand-worked values, and the laws of swapping and shuffling."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.evaluation.summaries.rare_words import RareWords
from textvae.evaluation.summaries.reader import StatisticalReader
from textvae.evaluation.summaries.symptoms import RATIOS, gain, measure, reader_measures, shuffled, swapped
from textvae.inference.kneser_ney import KneserNey

from .news import make_news

NEWS = make_news(120)


def overlap(summaries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
    """A reader for tests: nats fall with the words in common, and with the first word in place."""
    pairs = zip(summaries, documents, strict=True)
    return np.array([9.0 - len({*y.split()} & {*x.split()}) - (y.split()[:1] == x.split()[:1]) for y, x in pairs])


@given(st.integers(2, 30))
def test_swapping_leaves_no_summary_in_its_place(count: int) -> None:
    found = swapped([str(i) for i in range(count)])
    assert sorted(map(int, found)) == list(range(count)) and all(str(i) != text for i, text in enumerate(found))


def test_shuffling_keeps_the_words_and_depends_on_seed_and_row() -> None:
    texts = ["a b c d e f g"] * 3
    found = shuffled(texts, seed=1)
    assert all(sorted(text.split()) == sorted(texts[0].split()) for text in found)
    assert len(set(found)) == 3 and found == shuffled(texts, seed=1) != shuffled(texts, seed=2)
    assert shuffled(texts[:2], seed=1) == found[:2] and shuffled(["", "a"]) == ["", "a"]


def test_gains_worked_by_hand() -> None:
    """Own: 9 - 2 - 1 and 9 - 2; swapped: 9 and 9 - 0. Reversed, the first loses its first word in place."""
    summaries, documents = ["a b", "d c"], ["a b x", "c d y"]
    assert gain(overlap, summaries, documents) == pytest.approx(((9 - 6) + (9 - 7)) / 2)
    found = reader_measures(overlap, summaries, documents, "fresh_")
    assert found["fresh_nll"] == pytest.approx(6.5) and found["fresh_swapped_gap"] == pytest.approx(2.5)
    assert set(found) == {"fresh_nll", "fresh_swapped_gap", "fresh_shuffled_gap"}
    assert math.isnan(gain(overlap, summaries[:1], documents[:1]))


def test_what_the_words_tell_worked_by_hand() -> None:
    """12 words of which 2 are new; 9 bigrams of which b a, x c and c q are not in their documents."""
    documents = ["a b c d e", "a b c", "p q r s t u", "k l"]
    summaries = ["a b c", "b a x c", "p c q r s", ""]
    found = measure(summaries, documents)
    assert found["mean_length"] == 3 and found["empty_rate"] == 25 and found["lead_rate"] == 25
    assert found["novelty_1"] == pytest.approx(100 * 2 / 12) and found["copy_rate"] == pytest.approx(100 * 10 / 12)
    assert found["novelty_2"] == pytest.approx(100 * 5 / 9)


def test_everything_given_everything_measured() -> None:
    reader = StatisticalReader().fit_readable(NEWS.documents)
    found = measure(
        NEWS.summaries,
        NEWS.documents,
        reconstruct_nll=overlap,
        fresh_nll=reader.nll,
        language_model=KneserNey().fit(NEWS.texts[:100]),
        human_texts=NEWS.texts[100:],
        rare=RareWords(NEWS.documents, share=0.15),
        discriminator_accuracy=60.0,
    )
    assert found.keys() >= {*RATIOS, "names_kept", "names_invented", "unknown_rate", "discriminator_accuracy"}
    for ratio, (above, below) in RATIOS.items():
        assert found[ratio] == pytest.approx(found[above] / found[below])
    assert found["shuffled_perplexity"] > found["perplexity"] and found["names_invented"] == 0
    assert all(math.isfinite(value) for value in found.values())


def test_no_summaries_are_refused() -> None:
    for summaries, documents in (([], []), (["a"], ["a", "b"])):
        with pytest.raises(UserError, match="documents"):
            measure(summaries, documents)
