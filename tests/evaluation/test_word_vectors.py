"""Word vectors: alike where words are used alike, and stored whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textvae.errors import UserError
from textvae.evaluation.word_vectors import WordVectors

from .reviews import STYLE, THINGS, reviews

TEXTS = [text for text, _ in reviews(400)]


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    return WordVectors.fit(TEXTS, size=8)


def test_words_used_alike_are_near(vectors: WordVectors) -> None:
    things = [vectors.vectors[vectors.index[word]] for word in THINGS]
    styles = [vectors.vectors[vectors.index[word]] for word in (*STYLE[0][:4], *STYLE[1][:4])]
    within = np.mean([a @ b for i, a in enumerate(things) for b in things[:i]])
    across = np.mean([a @ b for a in things for b in styles])
    assert within > across + 0.2


def test_lengths_and_shape(vectors: WordVectors) -> None:
    assert vectors.vectors.shape == (len(vectors.words), 8)
    np.testing.assert_allclose(np.linalg.norm(vectors.vectors, axis=1), 1, atol=1e-5)


def test_association_is_ppmi() -> None:
    """a and b meet twice, c and d twice, nothing else: the formula with smoothed contexts, by hand."""
    sentences = [["a", "b"], ["a", "b"], ["c", "d"], ["c", "d"]]
    found = WordVectors(["a", "b", "c", "d"])._association(sentences).toarray()
    contexts = np.full(4, 2**0.75)
    expected = np.log(2 * contexts.sum() / (2 * contexts[0]))
    np.testing.assert_allclose(found[0], [0, expected, 0, 0])
    np.testing.assert_allclose(found, found.T)


def test_sentences_are_not_joined() -> None:
    found = WordVectors(["a", "b"])._association([["a"], ["b"]] * 3)
    assert found.nnz == 0


def test_pooling(vectors: WordVectors) -> None:
    one, two = vectors.vectors[vectors.index["pizza"]], vectors.vectors[vectors.index["soup"]]
    pooled = vectors.pool([["pizza", "unheard", "soup"], ["unheard"], []])
    np.testing.assert_allclose(pooled[0], [*np.minimum(one, two), *(one + two) / 2, *np.maximum(one, two)], rtol=1e-5)
    assert not pooled[1:].any()


def test_same_seed_same_vectors_and_save_load(vectors: WordVectors, tmp_path: Path) -> None:
    np.testing.assert_array_equal(WordVectors.fit(TEXTS, size=8).vectors, vectors.vectors)
    vectors.save(tmp_path / "v")
    assert {path.suffix for path in (tmp_path / "v").iterdir()} == {".safetensors", ".json"}
    loaded = WordVectors.load(tmp_path / "v")
    assert loaded.words == vectors.words
    np.testing.assert_array_equal(loaded.vectors, vectors.vectors)


def test_small_vocabularies() -> None:
    assert WordVectors.fit(["a b", "b a"], size=100).vectors.shape[1] == 1
    assert WordVectors.fit(["a a"], size=100).vectors.shape == (1, 1)
    with pytest.raises(UserError, match="twice"):
        WordVectors.fit(["a b c"])
