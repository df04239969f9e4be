"""Files of stored transfers: what is written is read, after a stop too, and what is wrong is told by its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textvae.data.attributes import Attributes
from textvae.data.batch import Collator
from textvae.data.loader import BatchLoader
from textvae.data.noise import NoiseConfig
from textvae.data.stored import StoredTransfer, StoredWriter, read_stored, stored_corpus
from textvae.errors import UserError
from textvae.tokenization.config import SPECIAL

ONE = Attributes.of(["negative", "positive"])
TWO = Attributes.of({"sentiment": ["negative", "positive"], "tense": ["past", "present"]})
ROWS = [
    StoredTransfer((0,), "the soup was cold .", "the soup was great ."),
    StoredTransfer((1,), "i love it", "i hate all of it"),
]


def encode(texts: list[str]) -> list[list[int]]:
    """A word's id is 5 more than its length."""
    return [[5 + len(word) for word in text.split()] for text in texts]


def written(path: Path, rows: list[StoredTransfer] = ROWS, attributes: Attributes = ONE) -> Path:
    writer = StoredWriter(path, attributes, {"seed": 0})
    for row in rows:
        writer.add([row])
    assert writer.finish() == len(rows)
    return path


@pytest.mark.parametrize(("attributes", "labels"), [(ONE, ((0,), (1,))), (TWO, ((0, 1), (1, 0)))])
def test_what_is_written_is_read(attributes: Attributes, labels: tuple[tuple[int, ...], ...], tmp_path: Path) -> None:
    rows = [row._replace(labels=own) for row, own in zip(ROWS, labels, strict=True)]
    path = written(tmp_path / "t.tsv", rows, attributes)
    assert list(read_stored(path, attributes)) == rows
    corpus = stored_corpus(path, attributes, encode, 10)
    assert corpus.labels.tolist() == ([0, 1] if attributes is ONE else [[0, 1], [1, 0]])
    assert corpus.transfers is not None and corpus.transfers.sentence(1).tolist() == encode([ROWS[1].transfer])[0]
    assert not list(tmp_path.glob("*.partial"))


def test_a_batch_has_each_sentence_beside_its_own_transfer(tmp_path: Path) -> None:
    corpus = stored_corpus(written(tmp_path / "t.tsv", ROWS * 7), ONE, encode, 10)
    loader = BatchLoader(corpus, Collator(np.full(40, -1), NoiseConfig()), batch_size=4, seed=3)
    seen = 0
    for batch in loader.epoch(0):
        assert batch.stored is not None
        for sentence, transfer in zip(batch.labels.tolist(), batch.stored.tolist(), strict=True):
            row = next(row for row in ROWS if encode([row.sentence])[0] == sentence[: len(row.sentence.split())])
            wanted = [*encode([row.transfer])[0], SPECIAL.eos]
            assert transfer == wanted + [SPECIAL.pad] * (len(transfer) - len(wanted))
            seen += 1
    assert seen == 14


def test_what_is_too_long_is_left_out_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "t.tsv")
    corpus = stored_corpus(
        written(tmp_path / "u.tsv", [*ROWS, StoredTransfer((0,), "a", "b " * 9 + "b")]), ONE, encode, 5
    )
    assert (len(corpus), corpus.dropped) == (2, 1)
    with pytest.raises(UserError, match="no transfer of 1 to 2 tokens"):
        stored_corpus(path, ONE, encode, 2)


def test_a_stopped_writer_goes_on_after_its_last_whole_block(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    StoredWriter(path, ONE, {"seed": 0}).add(ROWS[:1])
    partial = path.with_name("t.tsv.partial")
    with open(partial, "a", encoding="utf-8") as handle:
        handle.write("positive\tcut in the mid")  # the power went
    assert not path.exists()
    writer = StoredWriter(path, ONE, {"seed": 0})
    assert writer.done == 1
    writer.add(ROWS[1:])
    assert writer.finish() == 2 and list(read_stored(path, ONE)) == ROWS


def test_a_full_disk_is_told_and_loses_no_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.tsv"
    writer = StoredWriter(path, ONE, {"seed": 0})
    writer.add(ROWS[:1])
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(UserError, match="No space left on device.*has 1 blocks: free some space"):
            writer.add(ROWS[1:])
    again = StoredWriter(path, ONE, {"seed": 0})
    for row in ROWS[again.done :]:
        again.add([row])
    assert again.finish() == 2 and list(read_stored(path, ONE)) == ROWS


def test_another_origin_does_not_go_on(tmp_path: Path) -> None:
    StoredWriter(tmp_path / "t.tsv", ONE, {"seed": 0}).add(ROWS)
    with pytest.raises(UserError, match=r"t\.tsv\.partial was begun with another model or other options"):
        StoredWriter(tmp_path / "t.tsv", ONE, {"seed": 1})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("style\tsentence\ttransfer\nnegative\tonly this\n", r"t\.tsv:2: 3 cells with text"),
        ("style\tsentence\ttransfer\nnegative\ta\t \n", r"t\.tsv:2: 3 cells with text"),
        ("style\tsentence\ttransfer\nnegative\ta\tb\nangry\ta\tb\n", r"t\.tsv:3: style has no label 'angry'"),
        ("sentence\ttransfer\na\tb\n", r"t\.tsv:1: the columns must be style, sentence, transfer"),
        ("", r"t\.tsv:1: the columns"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(UserError, match=told):
        list(read_stored(tmp_path / "t.tsv", ONE))


def test_a_file_that_is_not_there_and_labels_that_no_file_holds(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file of stored transfers; make it with `textvae back-translate"):
        list(read_stored(tmp_path / "none.tsv", ONE))
    with pytest.raises(UserError, match="the label '# 1' has a tab or begins with #"):
        StoredWriter(tmp_path / "t.tsv", Attributes.of(["# 1", "b"]), {})
