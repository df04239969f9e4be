"""The bundled documents are what the generator makes, and keep what it promises."""

from __future__ import annotations

from pathlib import Path

import make_documents as module
import pytest
from make_documents import (
    SENTENCES,
    SIZES,
    SampleDocument,
    document_files,
    make_documents,
    write_sample_documents,
)

COMMITTED = Path(__file__).resolve().parents[2] / "data" / "sample-documents"


@pytest.fixture(scope="module")
def documents() -> dict[str, list[SampleDocument]]:
    return make_documents()


def test_files_are_what_the_generator_makes(documents: dict[str, list[SampleDocument]]) -> None:
    assert {path.name: path.read_bytes() for path in COMMITTED.iterdir()} == document_files(documents)


def test_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = make_documents(3, {"train": 4, "dev": 2})
    monkeypatch.setattr(module, "make_documents", lambda seed: small if seed == 3 else None)
    written = {path.name: path.read_bytes() for path in write_sample_documents(tmp_path / "new", seed=3)}
    assert written == document_files(small)
    parts = written["train.txt"].decode().split("\n\n")
    assert [tuple(part.strip().split("\n")) for part in parts] == [d.sentences for d in small["train"]]


def test_documents_have_their_size_and_no_sentence_twice(documents: dict[str, list[SampleDocument]]) -> None:
    assert {split: len(found) for split, found in documents.items()} == SIZES
    sentences = [s for found in documents.values() for document in found for s in document.sentences]
    assert len(set(sentences)) == len(sentences)
    assert {len(d.sentences) for found in documents.values() for d in found} <= set(SENTENCES)


def test_every_factor_occurs_in_every_split(documents: dict[str, list[SampleDocument]]) -> None:
    for found in documents.values():
        assert {d.label for d in found} == {"negative", "positive"} and len({d.domain for d in found}) == 11
