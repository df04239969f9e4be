"""Word vectors learnt from the training corpus, for the cosine between contents.

John et al. 2019 use GloVe vectors. These here come from the corpus at hand, so nothing is downloaded and any
language works; a cosine under them CANNOT be compared with the paper's (.904 on Yelp), only with other rows
of the same table.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from safetensors.numpy import load_file, save

from textvae.errors import UserError
from textvae.files import atomic_write, write_json

WINDOW = 5


class WordVectors:
    """Positive pointwise mutual information of words within 5 places, cut to its first singular vectors.

    Levy, Goldberg & Dagan 2015, "Improving distributional similarity with lessons learned from word
    embeddings", sections 2-3: PPMI(w, c) = max(0, ln p(w, c) / (p(w) p_α(c))), p_α(c) ∝ count(c)^.75; vectors
    U_d Σ_d^½, here scaled to length 1. `size` dimensions at most, fewer for a small vocabulary.
    """

    def __init__(self, words: Sequence[str] = (), vectors: np.ndarray | None = None) -> None:
        self.words = tuple(words)
        self.index = {word: number for number, word in enumerate(self.words)}
        self.vectors = np.zeros((0, 1), np.float32) if vectors is None else vectors

    @classmethod
    def fit(cls, texts: Iterable[str], size: int = 100, vocab_size: int = 10000, seed: int = 0) -> WordVectors:
        """Vectors of the `vocab_size` most frequent words seen at least twice."""
        sentences = [text.split() for text in texts]
        counts = Counter(word for sentence in sentences for word in sentence)
        words = [word for word, count in counts.most_common(vocab_size) if count > 1]
        if not words:
            raise UserError("no word occurs twice in the training texts: no word vectors can be learnt")
        found = cls(words)
        association = found._association(sentences)
        found.vectors = _reduce(association, min(size, max(1, len(words) - 1)), seed)
        return found

    def _association(self, sentences: list[list[str]]) -> sparse.csr_matrix:
        """PPMI, sparse (V, V). No pair crosses sentences; words outside the vocabulary keep their place."""
        ids = [self.index.get(word, -1) for sentence in sentences for word in [*sentence, *[""] * WINDOW]]
        stream, size = np.asarray(ids, np.int64), len(self.words)
        pairs = sparse.csr_matrix((size, size), dtype=np.float64)
        for distance in range(1, WINDOW + 1):
            left, right = stream[:-distance], stream[distance:]
            known = (left >= 0) & (right >= 0)
            pairs += sparse.csr_matrix((np.ones(known.sum()), (left[known], right[known])), (size, size))
        pairs = (pairs + pairs.T).tocoo()
        row, context = np.asarray(pairs.sum(axis=1)).ravel(), np.asarray(pairs.sum(axis=0)).ravel() ** 0.75
        pmi = np.log(pairs.data * context.sum() / (row[pairs.row] * context[pairs.col]))
        return sparse.csr_matrix((np.maximum(pmi, 0), (pairs.row, pairs.col)), pairs.shape)

    def pool(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """Minimum, mean and maximum over the known words of each sentence, (N, 3 D); zeros if none is known.

        Fu et al. 2018, "Style transfer in text: exploration and evaluation", section "content preservation".
        """
        size = self.vectors.shape[1]
        pooled = np.zeros((len(sentences), 3 * size), np.float32)
        for row, sentence in enumerate(sentences):
            if known := [self.index[word] for word in sentence if word in self.index]:
                chosen = self.vectors[known]
                pooled[row] = np.concatenate([chosen.min(axis=0), chosen.mean(axis=0), chosen.max(axis=0)])
        return pooled

    def save(self, folder: str | Path) -> None:
        """Write `word_vectors.safetensors` and `word_vectors.json` into `folder`."""
        with atomic_write(Path(folder) / "word_vectors.safetensors", binary=True) as handle:
            handle.write(save({"vectors": np.ascontiguousarray(self.vectors)}))
        write_json(Path(folder) / "word_vectors.json", {"words": self.words})

    @classmethod
    def load(cls, folder: str | Path) -> WordVectors:
        """Read back what `save` wrote."""
        words = json.loads((Path(folder) / "word_vectors.json").read_text(encoding="utf-8"))["words"]
        return cls(words, load_file(Path(folder) / "word_vectors.safetensors")["vectors"])


def _reduce(association: sparse.csr_matrix, size: int, seed: int) -> np.ndarray:
    """U Σ^½ of the best rank-`size` approximation, rows scaled to length 1 (zeros stay), (V, size)."""
    from sklearn.utils.extmath import randomized_svd

    left, values, _ = randomized_svd(association, size, random_state=seed)
    vectors = left * np.sqrt(values)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
