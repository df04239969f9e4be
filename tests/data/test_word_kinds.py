"""Kinds of words by their neighbours, on texts whose kinds are known."""

from __future__ import annotations

import numpy as np
import pytest

from textvae.data.tokenized import TokenizedCorpus
from textvae.data.word_kinds import (
    BALANCE,
    balance,
    balanced,
    label_counts,
    mutual_information,
    neighbour_counts,
    without_labels,
    word_kinds,
)

GOOD_FOOD, BAD_FOOD = (10, 11, 12), (13, 14, 15)
GOOD_STAFF, BAD_STAFF = (20, 21, 22), (23, 24, 25)
VOCABULARY = 60


def corpus_of(sentences: list[tuple[list[int], int]]) -> TokenizedCorpus:
    return TokenizedCorpus.from_lists([ids for ids, _ in sentences], [label for _, label in sentences])


def two_kinds(count: int = 600, seed: int = 0) -> TokenizedCorpus:
    """Sentences "food was W" and "staff is W", label 1 where W is good, with some words around."""
    draw = np.random.default_rng(seed)
    sentences: list[tuple[list[int], int]] = []
    for _ in range(count):
        label, staff = (int(x) for x in draw.integers(2, size=2))
        words = ((BAD_FOOD, GOOD_FOOD), (BAD_STAFF, GOOD_STAFF))[staff][label]
        subject = [40, 41] if staff else [42, 43]
        sentences.append(([int(draw.integers(50, 60)), *subject, int(draw.choice(words)), 44], label))
    return corpus_of(sentences)


def test_words_of_one_place_are_of_one_kind_whatever_their_label() -> None:
    words = np.array(GOOD_FOOD + BAD_FOOD + GOOD_STAFF + BAD_STAFF)
    kinds = word_kinds(two_kinds(), words, VOCABULARY, kinds=2)
    assert set(kinds[list(GOOD_FOOD + BAD_FOOD)]) != set(kinds[list(GOOD_STAFF + BAD_STAFF)])
    assert len(set(kinds[list(GOOD_FOOD + BAD_FOOD)])) == len(set(kinds[list(GOOD_STAFF + BAD_STAFF)])) == 1
    others = np.setdiff1d(np.arange(VOCABULARY), words)
    assert not kinds[others].any() and kinds[words].min() == 1


def test_clusters_finer_than_the_kinds_are_joined_across_labels() -> None:
    words = np.array(GOOD_FOOD + BAD_FOOD + GOOD_STAFF + BAD_STAFF)
    corpus = two_kinds()
    kinds = word_kinds(corpus, words, VOCABULARY, kinds=12)  # every word its own cluster, each of one label only
    by_label = label_counts(corpus, words, VOCABULARY)
    for kind in np.unique(kinds[words]):
        assert balance(by_label[kinds[words] == kind].sum(0)[None])[0] >= BALANCE
    assert len(set(kinds[words])) > 1


def test_neighbours_are_counted_by_place_and_never_across_sentences() -> None:
    corpus = corpus_of([([5, 10, 6], 0), ([10], 1), ([7, 11, 10], 0)])
    counts = neighbour_counts(corpus, np.array([10, 11]), 12)
    assert counts.sum() == 4 * 4  # four places of four occurrences
    order = np.argsort(-np.bincount(corpus.ids, minlength=12), kind="stable")
    column = {int(token): 3 + place for place, token in enumerate(order)}
    width = 3 + len(order)
    before, after = counts[:, width : 2 * width].toarray(), counts[:, 2 * width : 3 * width].toarray()
    hidden, edge = 1, 2
    assert before[0, column[5]] == 1 and before[0, edge] == 1 and before[0, hidden] == 1
    assert before[1, column[7]] == 1 and after[1, hidden] == 1
    assert after[0, column[6]] == 1 and after[0, edge] == 2


def test_mutual_information_in_closed_form() -> None:
    from scipy import sparse

    found = mutual_information(sparse.csr_matrix(np.array([[8.0, 0.0], [8.0, 16.0]]))).toarray()
    smooth = np.array([16.0, 16.0]) ** 0.75
    expected = np.log(8 / (8 * smooth[0] / smooth.sum()))
    assert found[0, 0] == pytest.approx(expected) and found[0, 1] == 0
    assert found[1, 0] == 0, "less often than by chance"
    assert found[1, 1] == pytest.approx(np.log(16 / (24 * smooth[1] / smooth.sum())))


def test_the_labels_are_taken_out_of_the_vectors() -> None:
    draw = np.random.default_rng(0)
    by_label = draw.random((40, 3)) + 0.1
    shares = by_label / by_label.sum(1, keepdims=True)
    vectors = shares @ draw.normal(size=(3, 5)) + 0.01 * draw.normal(size=(40, 5))
    left = without_labels(vectors, by_label, np.ones(40))
    assert np.abs(np.cov((shares - shares.mean(0)).T, left.T)[:3, 3:]).max() < 1e-12


def test_labels_weigh_the_same_whatever_their_number_of_texts() -> None:
    corpus = corpus_of([([1, 2], 0)] * 9 + [([1, 3], 1)])
    counts = label_counts(corpus, np.array([1, 2, 3]), 4)
    assert counts[0].tolist() == [0.5, 0.5] and counts[1].tolist() == [0.5, 0.0] and counts[2].tolist() == [0.0, 0.5]


def test_one_sided_clusters_find_a_partner_that_balances_them() -> None:
    vectors = np.array([[0.0, 0.0], [0.1, 0.0], [0.5, 0.0], [5.0, 0.0]])
    by_label = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    clusters = balanced(np.arange(4), vectors, np.ones(4), by_label)
    # The nearest to the first is the second, but both are of one label: the third is joined with them.
    assert clusters[0] == clusters[2] != clusters[3]
    alone = balanced(np.zeros(3, dtype=int), vectors[:3], np.ones(3), by_label[:3])
    assert alone.tolist() == [0, 0, 0]


def test_no_words_no_kinds() -> None:
    assert not word_kinds(two_kinds(20), np.array([], dtype=np.int64), VOCABULARY, 4).any()
    one = word_kinds(two_kinds(20), np.array([10]), VOCABULARY, 4)
    assert one[10] == 1 and one.sum() == 1
