"""Kinds of words, found by what stands around them: adverbs, verbs, what is said of food, what is said of people."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD

from textvae.data.tokenized import TokenizedCorpus

OFFSETS = (-2, -1, 1, 2)
"""Places around a word that are looked at, each by itself: what comes before says other things than what follows."""
NEIGHBOURS = 2000
"""The most frequent tokens count as neighbours; all others are one."""
DIMENSIONS = 50
"""Of the vectors that are clustered."""
BALANCE = 0.5
"""Least share of a label in a kind, where 1 would be its share in a kind that all labels use alike."""


def word_kinds(corpus: TokenizedCorpus, words: np.ndarray, vocab_size: int, kinds: int, seed: int = 0) -> np.ndarray:
    """The kind, from 1 to at most `kinds`, of each of some words (W,), and 0 for every other token: (V,) int64.

    Words are vectors of positive pointwise mutual information with their neighbours (Church & Hanks 1990; Levy,
    Goldberg & Dagan 2015), reduced by SVD and clustered by k-means. What tells the labels apart is taken out first, and
    one-sided clusters are joined with others: among words of one kind are those of every label that stand in the same
    places ("rude" beside "friendly"): a kind tells little of the label. 470 words of 167,000 sentences take a second.
    """
    found = np.zeros(vocab_size, dtype=np.int64)
    words = np.unique(words)
    kinds = min(kinds, len(words))
    if kinds < 1 or not len(corpus):
        return found
    neighbours = neighbour_counts(corpus, words, vocab_size)
    by_label = label_counts(corpus, words, vocab_size)
    counts = np.asarray(neighbours.sum(1)).ravel()
    vectors = without_labels(reduced(mutual_information(neighbours), seed), by_label, counts)
    weights = np.sqrt(counts + 1.0)  # the vectors of rare words are noisy: the frequent ones draw the clusters
    kinds = min(kinds, len(np.unique(vectors.round(6), axis=0)))
    clusters = KMeans(kinds, n_init=4, random_state=seed).fit_predict(vectors, sample_weight=weights)
    found[words] = balanced(clusters, vectors, weights, by_label) + 1
    return found


def balanced(clusters: np.ndarray, vectors: np.ndarray, weights: np.ndarray, by_label: np.ndarray) -> np.ndarray:
    """Clusters (W,) joined until every label has its part in each, numbered from 0.

    vectors (W, D), weights (W,); by_label: (W, S) occurrences. A kind that only one label knows would tell the label,
    and the others would not know what to write for it. The most one-sided cluster is joined with the one that balances
    it and whose union with it spreads least (Ward 1963).
    """
    clusters = np.unique(clusters, return_inverse=True)[1]
    while (count := int(clusters.max()) + 1) > 1:
        members = [clusters == c for c in range(count)]
        mass = np.stack([by_label[inside].sum(0) for inside in members])
        worst = int(balance(mass).argmin())
        if balance(mass)[worst] >= BALANCE:
            break
        heavy = np.array([weights[inside].sum() for inside in members])
        centres = np.stack([np.average(vectors[inside], axis=0, weights=weights[inside]) for inside in members])
        spread = heavy * heavy[worst] / (heavy + heavy[worst]) * ((centres - centres[worst]) ** 2).sum(1)
        helps = balance(mass + mass[worst]) >= min(BALANCE, balance(mass).max())
        spread[~helps] = np.inf
        spread[worst] = np.inf
        clusters = np.unique(np.where(clusters == worst, int(spread.argmin()), clusters), return_inverse=True)[1]
    return clusters


def balance(mass: np.ndarray) -> np.ndarray:
    """(K,) of mass (K, S): the smallest share of a label, 1 where all are equal."""
    least: np.ndarray = (mass / mass.sum(1, keepdims=True)).min(1) * mass.shape[1]
    return least


def neighbour_counts(corpus: TokenizedCorpus, words: np.ndarray, vocab_size: int) -> sparse.csr_matrix:
    """(W, 4 C) how often each neighbour stands at each of the places around each word. The words themselves are one
    and the same neighbour, so are all rare tokens, and so is the edge of a sentence."""
    ids, offsets = np.asarray(corpus.ids), np.asarray(corpus.offsets)
    common = np.argsort(-np.bincount(ids, minlength=vocab_size), kind="stable")[:NEIGHBOURS]
    rare, hidden, edge, width = 0, 1, 2, 3 + len(common)
    column = np.full(vocab_size, rare)
    column[common] = np.arange(3, width)
    column[words] = hidden
    row = np.full(vocab_size, -1)
    row[words] = np.arange(len(words))
    places, sentence = np.flatnonzero(row[ids] >= 0), np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    columns = []
    for number, shift in enumerate(OFFSETS):
        beside = np.clip(places + shift, 0, len(ids) - 1)
        inside = (places + shift == beside) & (sentence[beside] == sentence[places])
        columns.append(np.where(inside, column[ids[beside]], edge) + number * width)
    rows = np.tile(row[ids[places]], len(OFFSETS))
    ones, shape = np.ones(len(rows)), (len(words), len(OFFSETS) * width)
    return sparse.csr_matrix((ones, (rows, np.concatenate(columns))), shape=shape)


def mutual_information(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Positive pointwise mutual information, max(0, log p(w, c) / p(w) p(c)), of counts (W, C)."""
    table = counts.tocoo()
    rows, columns = (np.asarray(counts.sum(axis)).ravel() for axis in (1, 0))
    smooth = columns**0.75  # rare neighbours would otherwise have the largest values (Levy, Goldberg & Dagan 2015)
    expected = rows[table.row] * smooth[table.col] / smooth.sum()
    values = np.maximum(np.log(table.data / expected), 0.0)
    return sparse.csr_matrix((values, (table.row, table.col)), shape=counts.shape)


def reduced(table: sparse.csr_matrix, seed: int) -> np.ndarray:
    """(W, D) unit vectors."""
    size = min(DIMENSIONS, min(table.shape) - 1)
    vectors = TruncatedSVD(size, random_state=seed).fit_transform(table) if size > 0 else table.toarray()
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def label_counts(corpus: TokenizedCorpus, words: np.ndarray, vocab_size: int) -> np.ndarray:
    """(W, S) occurrences of each word under each label, per word of its texts, so that labels weigh the same.

    With several attributes a label is a combination of theirs.
    """
    label = np.unique(corpus.labels, axis=0, return_inverse=True)[1] if corpus.labels.ndim > 1 else corpus.labels
    ids, of_token = np.asarray(corpus.ids, dtype=np.int64), np.repeat(label, np.diff(corpus.offsets))
    labels = int(label.max()) + 1
    table = np.bincount(of_token * vocab_size + ids, minlength=labels * vocab_size).reshape(labels, vocab_size)
    return table[:, words].T / np.maximum(table.sum(1), 1)


def without_labels(vectors: np.ndarray, by_label: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Vectors (W, D) less what a linear regression on the labels' shares of each word tells of them; counts (W,)."""
    shares = by_label / np.maximum(by_label.sum(1, keepdims=True), 1e-30)
    design, weights = shares - shares.mean(0), np.sqrt(np.sqrt(counts + 1.0))[:, None]
    coefficients, *_ = np.linalg.lstsq(design * weights, vectors * weights, rcond=None)
    return vectors - design @ coefficients
