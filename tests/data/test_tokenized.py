"""Token ids in flat arrays: the same as lists, written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textvae.data import tokenized
from textvae.data.tokenized import TokenizedCorpus, tokenize_corpus
from textvae.errors import UserError

Rows = list[tuple[list[int], int]]
rows_of = st.lists(
    st.tuples(st.lists(st.integers(5, 2**31 - 1), min_size=1, max_size=6), st.integers(0, 3)), min_size=1, max_size=30
)


class Table:
    """As much of a `datasets.Dataset` as is used: slices of columns."""

    def __init__(self, rows: Rows):
        self.rows, self.slices = rows, 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, piece: slice) -> dict[str, list[Any]]:
        self.slices += 1
        part = self.rows[piece]
        return {"text": [" ".join(map(str, ids)) for ids, _ in part], "label": [label for _, label in part]}


def encode(texts: list[str]) -> list[list[int]]:
    return [[int(word) for word in text.split()] for text in texts]


def contents(corpus: TokenizedCorpus) -> Rows:
    return [(corpus.sentence(i).tolist(), int(corpus.labels[i])) for i in range(len(corpus))]


@given(rows_of)
def test_lists_come_back(rows: Rows) -> None:
    corpus = TokenizedCorpus.from_lists([ids for ids, _ in rows], [label for _, label in rows])
    assert contents(corpus) == rows
    assert corpus.lengths.tolist() == [len(ids) for ids, _ in rows]
    assert corpus.ids.dtype == np.int32 and corpus.labels.dtype == np.int64


@given(rows=rows_of, size=st.integers(1, 8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_what_is_written_in_chunks_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: Rows, size: int) -> None:
    folder = tmp_path_factory.mktemp("cache") / "corpus"
    chunks = tokenized._chunks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenized, "_chunks", lambda d, e, m: chunks(d, e, m, size))
        corpus = tokenize_corpus(Table(rows), encode, 6, folder)
    assert contents(corpus) == rows and corpus.dropped == 0
    assert isinstance(corpus.ids, np.memmap), "10 million sentences must not live in memory"


def test_too_long_and_empty_sentences_are_counted(tmp_path: Path) -> None:
    rows: Rows = [([5] * 3, 0), ([6] * 4, 1), ([], 2), ([7], 3)]
    corpus = tokenize_corpus(Table(rows), encode, 3, tmp_path / "corpus")
    assert contents(corpus) == [([5] * 3, 0), ([7], 3)]
    assert corpus.dropped == 2


def test_the_second_time_nothing_is_tokenized(tmp_path: Path) -> None:
    rows: Rows = [([5, 6], 0), ([7], 1)]
    tokenize_corpus(Table(rows), encode, 3, tmp_path / "corpus")
    again = Table(rows)
    corpus = tokenize_corpus(again, encode, 3, tmp_path / "corpus")
    assert contents(corpus) == rows and again.slices == 0


def test_it_streams(tmp_path: Path) -> None:
    table = Table([([5], 0)] * 25_000)
    assert len(tokenize_corpus(table, encode, 3, tmp_path / "corpus")) == 25_000
    assert table.slices == 3


@pytest.mark.parametrize("rows", [[], [([5] * 9, 0)]])
def test_nothing_left_is_an_error_with_a_remedy(tmp_path: Path, rows: Rows) -> None:
    with pytest.raises(UserError, match="max_tokens"):
        tokenize_corpus(Table(rows), encode, 3, tmp_path / "corpus")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match="space"):
        tokenize_corpus(Table([([5], 0)]), encode, 3, tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert len(tokenize_corpus(Table([([5], 0)]), encode, 3, tmp_path / "corpus")) == 1


def test_an_error_of_the_tokenizer_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken(texts: list[str]) -> list[list[int]]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        tokenize_corpus(Table([([5], 0)]), broken, 3, tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


def test_another_process_may_be_first(tmp_path: Path) -> None:
    """Two processes tokenize at once: the loser takes what the winner wrote."""
    folder = tmp_path / "corpus"

    def slow(texts: list[str]) -> list[list[int]]:
        if not folder.exists():
            tokenize_corpus(Table([([8], 1)]), encode, 3, folder)
        return encode(texts)

    corpus = tokenize_corpus(Table([([5], 0)]), slow, 3, folder)
    assert contents(corpus) == [([8], 1)]
    assert [p.name for p in tmp_path.iterdir()] == ["corpus"]
