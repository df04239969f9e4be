"""Nearest neighbours against a full sort, in batches of any size; files of vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.files import atomic_write
from textvae.inference.latents.neighbours import nearest
from textvae.inference.latents.vector_files import Rows, Source, labelled, read_vectors, write_vectors


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 9), st.sampled_from(["cosine", "l2"]), st.integers(0, 99))
def test_like_a_full_sort(size: int, count: int, batch: int, metric: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corpus, queries = rng.normal(size=(size, 4)).astype(np.float32), rng.normal(size=(3, 4)).astype(np.float32)
    blocks = [
        Rows([f"s{i}" for i in range(b, min(b + batch, size))], corpus[b : b + batch]) for b in range(0, size, batch)
    ]
    for query, found in zip(queries, nearest(queries, blocks, count, metric), strict=True):
        if metric == "l2":
            scores = np.linalg.norm(corpus.astype(np.float64) - query, axis=1)
            order = np.argsort(scores)
        else:
            scores = (
                corpus.astype(np.float64)
                @ query
                / np.linalg.norm(corpus.astype(np.float64), axis=1)
                / np.linalg.norm(query.astype(np.float64))
            )
            order = np.argsort(-scores)
        assert [n.line - 1 for n in found] == order[:count].tolist()
        np.testing.assert_allclose([n.score for n in found], scores[order[:count]], atol=1e-5)
        assert [n.text for n in found] == [f"s{i}" for i in order[:count]]


def test_equal_sentences_count_once() -> None:
    corpus = [Rows(["a", "a"], np.ones((2, 2), np.float32)), Rows(["a", "b"], np.array([[1, 1], [1, 0]], np.float32))]
    found = nearest(np.ones((1, 2)), corpus, 3)[0]
    assert [(n.text, n.line) for n in found] == [("a", 1), ("b", 4)]
    assert [n.line for n in nearest(np.ones((1, 2)), corpus, 3, distinct=False)[0]] == [1, 2, 3]


SOURCE = Source("f" * 64, "all", 3)
BATCHES = [
    Rows(["one", "zwölf\tund", ""], np.arange(9, dtype=np.float32).reshape(3, 3), ["a", "b", "a"]),
    Rows(["日本"], np.full((1, 3), -0.5, np.float32), ["b"]),
]


@pytest.mark.parametrize("suffix", [".npz", ".arrow"])
@pytest.mark.parametrize("with_labels", [True, False])
def test_a_file_gives_back_what_was_written(tmp_path: Path, suffix: str, with_labels: bool) -> None:
    path = tmp_path / f"vectors{suffix}"
    rows = [r if with_labels else Rows(r.texts, r.vectors) for r in BATCHES]
    assert write_vectors(lambda: atomic_write(path, binary=True), suffix, SOURCE, iter(rows)) == 4
    source, found = read_vectors(path)
    found = list(found)
    assert source == SOURCE and [t for r in found for t in r.texts] == [t for r in rows for t in r.texts]
    np.testing.assert_array_equal(np.concatenate([r.vectors for r in found]), np.concatenate([r.vectors for r in rows]))
    assert [x for r in found for x in r.labels or []] == [x for r in rows for x in r.labels or []]


@pytest.mark.parametrize("suffix", [".npz", ".arrow"])
@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_what_is_no_file_of_vectors_is_told(tmp_path: Path, suffix: str, damage: str) -> None:
    path = tmp_path / f"vectors{suffix}"
    write_vectors(lambda: atomic_write(path, binary=True), suffix, SOURCE, iter(BATCHES))
    path.write_bytes(
        {"empty": b"", "text": b"hello\n" * 99, "cut": path.read_bytes()[: path.stat().st_size // 2]}[damage]
    )
    with pytest.raises(UserError, match="no file of vectors"):
        list(read_vectors(path)[1])


def test_vectors_of_another_model_are_refused() -> None:
    with pytest.raises(UserError, match="another model"):
        Source("0" * 64, "all", 3).check(SOURCE, "x.npz")
    with pytest.raises(UserError, match="--part"):
        Source("f" * 64, "style", 3).check(SOURCE, "x.npz")


def test_labels_are_as_many_as_lines() -> None:
    blocks = [(["a", "b"], np.zeros((2, 1))), (["c"], np.zeros((1, 1)))]
    assert [r.labels for r in labelled(iter(blocks), ["x", "y", "z"])] == [["x", "y"], ["z"]]
    for labels in (["x", "y"], ["x", "y", "z", "w"]):
        with pytest.raises(UserError, match="give one a line"):
            list(labelled(iter(blocks), labels))
