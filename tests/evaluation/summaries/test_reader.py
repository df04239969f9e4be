"""The statistical reader: a distribution, fitted by EM, that reads what it was taught and no code."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from textvae.errors import UserError
from textvae.evaluation.summaries.reader import COPIES, ROUNDS, TRANSLATES, StatisticalReader, pieces

from .news import CODES, make_news

NEWS = make_news(400)
OTHER = make_news(60, seed=1)


@pytest.fixture(scope="module")
def reader() -> StatisticalReader:
    return StatisticalReader().fit_readable(NEWS.documents)


def test_probabilities_of_all_words_sum_to_one(reader: StatisticalReader) -> None:
    """A document of one word, for every word there is and one unknown; the summary is of known words."""
    words = [*reader.written, "never-seen"]
    for summary in (OTHER.summaries[0], "hotels in oslo"):
        nll = reader.nll([summary] * len(words), words)
        assert np.exp(-nll).sum() == pytest.approx(1, abs=1e-9)


def test_translations_are_those_of_plain_expectation_maximisation() -> None:
    """IBM model 1 with dictionaries; the last of the pairs is held out for the weights."""
    summaries = ["cat", "dog", "cat dog", "dog", "cat"]
    documents = ["a b", "a c", "b c c", "c", "a"]
    table: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    for _ in range(ROUNDS):
        expected: dict[tuple[str, str], float] = defaultdict(float)
        for y, x in list(zip(summaries, documents, strict=True))[:-1]:
            for w in x.split():
                total = sum(table[v, w] for v in y.split())
                for v in y.split():
                    expected[v, w] += table[v, w] / total
        totals = {v: sum(n for (u, _), n in expected.items() if u == v) for v in ("cat", "dog")}
        table = defaultdict(float, {(v, w): n / totals[v] for (v, w), n in expected.items()})
    reader = StatisticalReader(min_count=1).fit(summaries, documents)
    for (v, w), probability in table.items():
        row, place = np.array([reader.spoken[v]]), np.array([reader.written[w]])
        assert reader._translations(row, place)[0] == pytest.approx(probability)


def test_weights_are_mixtures(reader: StatisticalReader) -> None:
    np.testing.assert_allclose(reader.weights.sum(axis=1), 1)
    assert (reader.weights[1] > 0).all() and reader.weights[0, 0] == 0


def test_the_own_summary_says_more_than_another(reader: StatisticalReader) -> None:
    own, other = (reader.nll(texts, OTHER.documents) for texts in (OTHER.summaries, OTHER.summaries[::-1]))
    assert (own < other).mean() > 0.95


def test_the_order_of_the_words_says_something(reader: StatisticalReader) -> None:
    backwards = [" ".join(text.split()[::-1]) for text in OTHER.summaries]
    assert reader.nll(OTHER.summaries, OTHER.documents).mean() < reader.nll(backwards, OTHER.documents).mean() - 0.05


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_code_is_read_by_who_has_learnt_it_only(name: str, reader: StatisticalReader) -> None:
    code = CODES[name]
    accomplice = StatisticalReader().fit([code(text) for text in NEWS.summaries], NEWS.documents)
    coded = [code(text) for text in OTHER.summaries]
    gains = [(r.nll(coded[::-1], OTHER.documents) - r.nll(coded, OTHER.documents)).mean() for r in (accomplice, reader)]
    assert gains[0] > 0.3 and gains[1] < 0.1 * gains[0]


def test_a_new_word_can_be_copied(reader: StatisticalReader) -> None:
    """The word after another that stands in the summary before it; and one that stands there at all."""
    told, silent = reader.nll(["zyx opened mines", "mines opened"], ["zyx opened mines"] * 2)
    assert told < silent
    assert reader.weights[0, COPIES] > 0 and reader.weights[0, TRANSLATES] > 0


def test_alone_as_among_others(reader: StatisticalReader) -> None:
    together = reader.nll([*OTHER.summaries, ""], [*OTHER.documents, "a"])
    alone = [reader.nll([y], [x])[0] for y, x in zip(OTHER.summaries, OTHER.documents, strict=True)]
    np.testing.assert_allclose(together[:-1], alone, rtol=1e-12)


def test_empty_texts() -> None:
    reader = StatisticalReader(min_count=1).fit(["", "a", ""], ["b", "", "c"])
    found = reader.nll(["", "a", ""], ["b c", "", ""])
    assert np.isfinite(found).all() and (found[1:] == 0).all()


def test_what_is_saved_is_read_back(reader: StatisticalReader, tmp_path: Path) -> None:
    reader.save(tmp_path)
    again = StatisticalReader.load(tmp_path).nll(OTHER.summaries, OTHER.documents)
    np.testing.assert_array_equal(again, reader.nll(OTHER.summaries, OTHER.documents))


def test_one_pair_is_too_few() -> None:
    with pytest.raises(UserError, match="two pairs"):
        StatisticalReader().fit(["a"], ["b"])


def test_pieces_are_extracts_in_order_and_depend_on_seed_and_row_alone() -> None:
    found = pieces(NEWS.documents, (3, 6), seed=5)
    for piece, document in zip(found, NEWS.documents, strict=True):
        rest = iter(document.split())
        assert all(word in rest for word in piece.split())
        assert 3 <= len(piece.split()) <= 6
    assert pieces(NEWS.documents[:7], (3, 6), seed=5) == found[:7] != pieces(NEWS.documents[:7], (3, 6), seed=6)
    assert any(piece not in document for piece, document in zip(found, NEWS.documents, strict=True))
    assert pieces(["a b", ""], (3, 6), seed=0) == ["a b", ""]
