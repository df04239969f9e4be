"""ROUGE: hand-worked values, the numbers of rouge-score itself, and scripts that rouge-score cannot read."""

from __future__ import annotations

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer

from textvae.evaluation.summaries.rouge import Rouge


def test_a_pair_worked_by_hand() -> None:
    """4 of 4 and 4 of 6 words; 1 of 3 and 1 of 5 bigrams; a common subsequence of 4."""
    found = Rouge(["the cat sat on the mat"]).scores(["the cat on mat"])
    np.testing.assert_allclose(found, [[80.0, 25.0, 80.0]])


def test_order_counts_for_subsequences_only() -> None:
    """Words reversed: all unigrams, no bigram, a common subsequence of one word of four."""
    np.testing.assert_allclose(Rouge(["a1 b1 c1 d1"]).scores(["d1 c1 b1 a1"]), [[100.0, 0.0, 25.0]])


def test_words_are_stemmed_and_punctuation_is_not_a_word() -> None:
    np.testing.assert_allclose(Rouge(["Dogs running ."]).scores(["dog , run"]), [[100.0, 100.0, 100.0]])


def test_numbers_are_those_of_rouge_score() -> None:
    rng = np.random.default_rng(0)
    text = "The running ran runs company's u.s. companies ## 3.5 said saying <unk> of ... well-known hopes hoping"
    words = text.split()
    texts = [" ".join(rng.choice(words, rng.integers(0, 14))) for _ in range(200)]
    references, outputs = texts[:100], texts[100:]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    pairs = zip(references, outputs, strict=True)
    expected = [[score.fmeasure for score in scorer.score(*pair).values()] for pair in pairs]
    np.testing.assert_array_equal(Rouge(references).scores(outputs), 100 * np.array(expected))
    np.testing.assert_array_equal(Rouge(references).scores(outputs), Rouge(references, "ascii").scores(outputs))


def test_an_empty_output_scores_nothing() -> None:
    np.testing.assert_array_equal(Rouge(["a cat", ""]).scores(["", ""]), np.zeros((2, 3)))


CHINESE = [("股市今日大涨", "股市大涨", (80.0, 50.0, 80.0)), ("股 市 大 涨 。", "股市大涨", (100.0, 100.0, 100.0))]


@pytest.mark.parametrize(("reference", "output", "expected"), CHINESE)
def test_characters_are_words_where_a_script_has_no_spaces(
    reference: str, output: str, expected: tuple[float, float, float]
) -> None:
    """6 and 4 characters, 4 in common: P 1, R 2/3; 3 bigrams of which 2 in common with 5: P 2/3, R 2/5."""
    rouge = Rouge([reference])
    assert rouge.tokens == "unicode" and "characters" in rouge.describe()
    np.testing.assert_allclose(rouge.scores([output])[0], expected)
    assert Rouge([reference], "ascii").scores([output]).sum() == 0


def test_russian_is_scored_by_words() -> None:
    rouge = Rouge(["Кошка сидит дома."])
    np.testing.assert_allclose(rouge.scores(["кошка дома"])[0, 0], 80.0)


def test_marks_stay_with_their_letters() -> None:
    """Hindi vowel signs are marks: without them two different words would look alike."""
    assert Rouge(["किताब"]).scores(["कताब"]).sum() == 0


def test_one_foreign_word_does_not_change_the_tokens() -> None:
    assert Rouge(["the café in 北京 is open"]).tokens == "ascii"


def test_outputs_and_references_are_as_many() -> None:
    with pytest.raises(ValueError):
        Rouge(["a"]).scores(["a", "b"])
