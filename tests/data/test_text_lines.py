"""Plain text without labels as a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from textvae.data.config import DataConfig
from textvae.data.sources import load_corpus
from textvae.errors import UserError
from textvae.text import TextConfig


def load(folder: Path, **options: object):  # type: ignore[no-untyped-def]
    config = DataConfig(**{"source": "lines", "path": str(folder), **options})  # type: ignore[arg-type]
    return load_corpus(config, TextConfig(), folder.parent / "cache")


def test_a_folder_of_splits(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for split, text in (("train", "Good soup!\n\nbad food .\n"), ("dev", "nice place .\n"), ("test", "slow .\n")):
        (folder / f"{split}.txt").write_text(text)
    corpus = load(folder)
    assert corpus.labels == ("text",) and corpus.train["text"] == ["good soup !", "bad food ."]
    assert corpus.dev["text"] == ["nice place ."] and corpus.test["text"] == ["slow ."]
    assert any("empty" in line for line in corpus.report.lines())


def test_shards_and_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(2):
        (folder / f"train-{number}.txt").write_text(f"sentence number {'ab'[number]} .\n" * 1)
    (folder / "dev.txt").write_text("another .\n")
    assert load(folder).train["text"] == ["sentence number a .", "sentence number b ."]
    assert load(folder, train="*-1.txt").train["text"] == ["sentence number b ."]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a\0b\n", "NUL"), (b"\xff\xfe\n", "UTF-8"), (b"x" * 30000 + b"\n", "max_line_chars"), (b"", "no .*sentence")],
)
def test_bad_files_are_told_with_file_and_remedy(tmp_path: Path, content: bytes, message: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.txt").write_bytes(content)
    (folder / "dev.txt").write_text("fine .\n")
    with pytest.raises(UserError, match=message) as error:
        load(folder)
    assert "train" in str(error.value) or "data" in str(error.value)


def test_a_folder_without_training_text(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match=r"train\.txt"):
        load(tmp_path / "data")
