"""Verification: are two groups of sentences from one document? The measure of the paper's table (EER)."""

from __future__ import annotations

import numpy as np


def equal_error_rate(same: np.ndarray, different: np.ndarray) -> float:
    """Share of errors at the threshold where as many true pairs are refused as false ones accepted.

    same, different: (N,), (M,) scores of pairs, higher for pairs that look alike. A pair is accepted from the threshold
    on. Between two scores both shares are interpolated linearly; .5 is chance.
    """
    same, different = np.sort(same), np.sort(different)
    thresholds = np.unique(np.concatenate((same, different)))
    refused = np.append(np.searchsorted(same, thresholds, "left") / len(same), 1.0)
    accepted = np.append(1.0 - np.searchsorted(different, thresholds, "left") / len(different), 0.0)
    after = int(np.argmax(refused >= accepted))  # the last is (1, 0), the first (0, 1) or a crossing
    if after == 0:
        return float((refused[0] + accepted[0]) / 2)
    gap = accepted - refused
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(refused[after - 1] + share * (refused[after] - refused[after - 1]))


def halves(documents: np.ndarray) -> np.ndarray:
    """(N,) 0 or 1: sentences of a document go to its two halves in turn, in their order. documents: (N,) numbers."""
    found = np.zeros(len(documents), dtype=np.int64)
    for document in np.unique(documents):
        rows = np.flatnonzero(documents == document)
        found[rows] = np.arange(len(rows)) % 2
    return found


def verification_error(first: np.ndarray, second: np.ndarray) -> float:
    """EER of the cosine between first halves (D, Z) and second halves (D, Z) of D documents.

    D pairs are of one document, D (D − 1) of two.
    """
    cosines = unit(first) @ unit(second).T
    own = np.eye(len(cosines), dtype=bool)
    return equal_error_rate(cosines[own], cosines[~own])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; zero stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def tf_idf(train: list[str], first: list[str], second: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Raw features: log tf · idf of the words of each half, (D, V); the idf is that of the documents `train`."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second: not before it is needed

    vectorizer = TfidfVectorizer(token_pattern=r"\S+", lowercase=False, sublinear_tf=True, max_features=20_000)
    vectorizer.fit(train)
    return vectorizer.transform(first).toarray(), vectorizer.transform(second).toarray()
