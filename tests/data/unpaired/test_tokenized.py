"""One side as flat arrays: the same as lists, with every unknown word told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.unpaired.sides import DOCUMENTS, KINDS, side, vocabulary
from textvae.data.unpaired.tokenized import TokenizedSide, tokenize_side, word_hash
from textvae.errors import UserError


class Table:
    """As much of a `datasets.Dataset` as is used: slices of columns."""

    def __init__(self, texts: list[str], ids: list[str] | None = None):
        self.texts, self.ids, self.read = texts, ids or [""] * len(texts), 0

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, piece: slice) -> dict[str, list[Any]]:
        self.read += 1
        return {"text": self.texts[piece], "id": self.ids[piece]}


def same(a: TokenizedSide, b: TokenizedSide) -> bool:
    arrays = ("ids", "offsets", "unknown", "unknown_offsets", "keys")
    return a.words == b.words and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays)


@pytest.mark.parametrize("kind", KINDS)
def test_written_and_mapped_is_the_same_as_in_memory(kind: str, tmp_path: Path) -> None:
    table = Table(DOCUMENTS)
    written = tokenize_side(table, vocabulary(kind), 500, tmp_path / "side")
    assert same(written, side(DOCUMENTS, kind)) and (written.dropped, written.cut) == (0, 0)
    assert isinstance(written.ids.base, np.memmap), "10 million texts must not live in memory"
    assert same(tokenize_side(table, vocabulary(kind), 500, tmp_path / "side"), written) and table.read == 1


def test_unknown_words_are_known_again_in_other_texts() -> None:
    made = side(["w1 anna w2", "bert anna", "w3 ."])
    ids, lengths = made.extended(np.array([1, 2, 0]))
    anna, bert = word_hash("anna"), word_hash("bert")
    plain = {w: vocabulary().encode([w])[0].ids[0] for w in ("w1", "w2", "w3", ".")}
    assert ids.tolist() == [[bert, anna, 0], [plain["w3"], plain["."], 0], [plain["w1"], anna, plain["w2"]]]
    assert lengths.tolist() == [2, 2, 3]
    assert anna != bert and min(anna, bert) > 2**31, "a hash must not look like an id"


def test_words_beyond_the_slots_are_no_words() -> None:
    made = TokenizedSide.of(vocabulary(slots=1).encode(["a1 b1 a1"]), vocabulary().words)
    assert made.extended(np.array([0]))[0].tolist() == [[word_hash("a1"), 3, word_hash("a1")]]


def test_ids_of_rows_are_keys() -> None:
    made = tokenize_side_of(["w1", "w2", "w3"], ["x", "", "7"])
    assert made.keys[1] == 0 and len(set(made.keys.tolist())) == 3


def tokenize_side_of(texts: list[str], ids: list[str]) -> TokenizedSide:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return tokenize_side(Table(texts, ids), vocabulary(), 9, Path(folder) / "side")


def test_long_texts_are_left_out_and_long_documents_cut(tmp_path: Path) -> None:
    texts = ["w1 w2 w3 w4", "w1 w2 anna", "", "w5"]
    left_out = tokenize_side(Table(texts), vocabulary(), 3, tmp_path / "texts")
    assert [left_out.sentence(i).tolist() for i in range(len(left_out))] == [
        vocabulary().encode([t])[0].ids for t in texts[1::2]
    ]
    assert (left_out.dropped, left_out.cut) == (2, 0)
    cut = tokenize_side(Table(texts), vocabulary(), 3, tmp_path / "documents", cut=True)
    assert cut.lengths.tolist() == [3, 3, 1] and (cut.dropped, cut.cut) == (1, 1)
    assert cut.sentence(0).tolist() == vocabulary().encode(["w1 w2 w3"])[0].ids


def test_nothing_left_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="max_tokens"):
        tokenize_side(Table(["w1 w2 w3"]), vocabulary(), 2, tmp_path / "side")


def test_an_error_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(vocabulary(), "encode", broken)
    with pytest.raises(RuntimeError):
        tokenize_side(Table(["w1"]), vocabulary(), 2, tmp_path / "side")
    assert list(tmp_path.iterdir()) == []
