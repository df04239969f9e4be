"""The selection judge: naive Bayes log-ratios of words and word pairs, fit in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sparse

from textvae.evaluation.judges.base import Example, Judge, check_all_seen, count_labels, softmax
from textvae.evaluation.sampling import chunks

CHUNK = 8192


class NaiveBayesJudge(Judge):
    """Multinomial naive Bayes on the presence of hashed word 1-2-grams, uniform prior over labels.

    log p(x | y) = Σ_{f in x} log θ_yf with θ_yf = (n_yf + α) / Σ_f (n_yf + α), n_yf = share of label y's
    sentences that hold f, times the sentences of an average label (Wang & Manning 2012, "Baselines and
    bigrams", section 2.1, with binarised features f). Counts only: 10 million sentences need no more memory
    than ten.
    """

    name: ClassVar[str] = "naive_bayes"

    def __init__(self, num_labels: int, seed: int = 0, bits: int = 18, alpha: float = 0.5) -> None:
        super().__init__(num_labels, seed)
        self.bits = bits
        self.alpha = alpha
        self.log_theta = np.zeros((2**bits, num_labels), np.float32)

    def _features(self, texts: Sequence[str]) -> sparse.csr_matrix:
        from sklearn.feature_extraction.text import HashingVectorizer  # a second: not before it is needed

        vectorizer = HashingVectorizer(
            token_pattern=r"\S+", ngram_range=(1, 2), n_features=2**self.bits, lowercase=False,
            norm=None, binary=True, alternate_sign=False, dtype=np.float32,
        )  # fmt: skip
        return vectorizer.transform(texts)

    def _fit(self, train: Iterable[Example], dev: Sequence[Example]) -> None:
        counts = np.zeros((2**self.bits, self.num_labels))
        sentences = np.zeros(self.num_labels, np.int64)
        for chunk in chunks(train, CHUNK):
            texts, labels = zip(*chunk, strict=True)
            y = np.asarray(labels, np.int64)
            sentences += count_labels(y, self.num_labels)
            one_hot = sparse.csr_matrix((np.ones(len(y)), (np.arange(len(y)), y)), (len(y), self.num_labels))
            counts += (self._features(texts).T @ one_hot).toarray()
        balanced = counts * (sentences.mean() / check_all_seen(sentences))
        smoothed = balanced + self.alpha
        self.log_theta = np.log(smoothed / smoothed.sum(axis=0)).astype(np.float32)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        parts = [softmax(self._features(chunk) @ self.log_theta) for chunk in chunks(texts, CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, self.num_labels), np.float32)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"log_theta": self.log_theta}

    def describe(self) -> dict[str, Any]:
        return {"bits": self.bits, "alpha": self.alpha}

    def _restore(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.bits, self.alpha, self.log_theta = settings["bits"], settings["alpha"], arrays["log_theta"]
