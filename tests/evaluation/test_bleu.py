"""BLEU of summed statistics is sacrebleu's, whatever the texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from textvae.evaluation import bleu

TEXT = st.lists(st.sampled_from(["a", "b", "c", "d", "."]), max_size=8).map(" ".join)
PAIRS = st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=6)


def ours(outputs: list[str], references: list[list[str]]) -> float:
    return float(bleu.from_statistics(bleu.statistics(outputs, references).sum(axis=0)))


def theirs(outputs: list[str], references: list[list[str]]) -> float:
    most = max(map(len, references))
    streams = [[row[number] if number < len(row) else None for row in references] for number in range(most)]
    return BLEU(tokenize="none", force=True).corpus_score(outputs, streams).score


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_equals_sacrebleu(pairs: list[tuple[str, list[str]]]) -> None:
    outputs, references = [output for output, _ in pairs], [texts for _, texts in pairs]
    assert ours(outputs, references) == pytest.approx(theirs(outputs, references), abs=1e-9)


def test_a_value_known_by_hand() -> None:
    """Precisions 4/5, 2/4, 1/3 and, smoothed, 1/(2·2); no brevity penalty: 100 · (4/5 · 1/2 · 1/3 · 1/4)^¼."""
    assert ours(["a b c x d"], [["a b c y d"]]) == pytest.approx(100 * (4 / 5 / 2 / 3 / 4) ** 0.25)


def test_identical_outputs_have_100() -> None:
    texts = ["the pizza was awful .", "never again !", ""]
    assert ours(texts, [[text] for text in texts]) == pytest.approx(100)


def test_a_second_reference_never_hurts_and_can_help() -> None:
    output, near, far = "a b c d e", "a b c d f", "v w x y z"
    assert ours([output], [[far, near]]) == pytest.approx(ours([output], [[near]]))
    assert ours([output], [[far, near]]) > ours([output], [[far]])


def test_sentences_without_references_take_no_part() -> None:
    outputs, references = ["a b c d e", "x x x x x"], [["a b c d f"], []]
    assert ours(outputs, references) == ours(outputs[:1], references[:1])
    assert np.isnan(ours(outputs, [[], []]))


def test_empty_outputs_have_0() -> None:
    assert ours(["", ""], [["a b c d"], ["a"]]) == 0


def test_no_four_grams_is_0_as_in_sacrebleu() -> None:
    assert ours(["a b c"], [["a b c"]]) == theirs(["a b c"], [["a b c"]]) == 0


def test_vectorised_over_resamples() -> None:
    rows = bleu.statistics(["a b c d e", "b c d e", "a a a a"], [["a b c d"], ["b c d e"], ["c c"]])
    weights = np.array([[[1, 1, 1], [3, 0, 0]], [[0, 2, 1], [0, 0, 3]]])
    expected = [[float(bleu.from_statistics(w @ rows)) for w in pair] for pair in weights]
    np.testing.assert_allclose(bleu.from_statistics(weights @ rows), expected)


def test_signature_says_how_it_was_measured() -> None:
    assert bleu.signature([["a"], ["b"]]).startswith("nrefs:1|case:mixed|eff:no|tok:none|smooth:exp|version:")
    assert bleu.signature([["a", "b"], ["b", "c"]]).startswith("nrefs:2|")
    assert bleu.signature([["a", "b"], ["b"]]).startswith("nrefs:var|")
    assert bleu.signature([["a"], []]).startswith("nrefs:1|")
    assert bleu.signature([]).startswith("nrefs:1|")
