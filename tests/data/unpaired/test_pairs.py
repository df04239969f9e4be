"""A text that belongs to one of the documents is refused, whatever betrays it; references are never trained on."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.data.unpaired.files import (
    ANIMALS,
    DOCUMENTS,
    PAIRS,
    PLANTS,
    TEXTS,
    WRITERS,
    column,
    load,
    settings,
    write_jsonl,
    write_text,
)
from textvae.data.unpaired.config import PairsConfig, SideConfig, UnpairedDataConfig
from textvae.errors import UserError

MANY = [
    {"id": i, "body": f"the {a} of {p} said no to {b} , but {c} went home", "title": f"{a} {p} says no"}
    for i, (a, p, b, c) in enumerate(
        (a, p, ANIMALS[(i + j + 1) % 20], PLANTS[(i * j) % 18])
        for i, a in enumerate(ANIMALS)
        for j, p in enumerate(PLANTS)
    )
]


def refused(config: UnpairedDataConfig, tmp_path: Path, message: str) -> None:
    """Refused with the message and a remedy, nothing left; and accepted, said and recorded with allow_pairs."""
    with pytest.raises(UserError, match=message) as caught:
        load(config, tmp_path / "cache")
    assert "data.allow_pairs" in str(caught.value) and not list((tmp_path / "cache").glob("*"))
    config.allow_pairs = True
    corpus = load(config, tmp_path / "cache")
    assert corpus.report.count("paired") > 0 and "not unsupervised" in str(corpus.report)


def both(tmp_path: Path, kind: str = "jsonl", rows: Any = DOCUMENTS, **changes: Any) -> UnpairedDataConfig:
    """One file for both sides."""
    name, ending, write = WRITERS[kind]
    write(tmp_path / f"news{ending}", rows, "body")
    path = str(tmp_path / f"news{ending}")
    sides = {
        side: SideConfig(path=path, format=name, column=read, **changes)
        for side, read in (("documents", "body"), ("texts", "title"))
    }
    return settings(tmp_path, **sides)


@pytest.mark.parametrize("kind", sorted(set(WRITERS) - {"text"}))
def test_the_same_row_of_the_same_file(kind: str, tmp_path: Path) -> None:
    name = {"hub": r"news\[train\]"}.get(kind, rf"news\{WRITERS[kind][1]}")
    place = name + {"parquet": ": row ", "hub": ": row "}.get(kind, ":")
    first = "2" if kind in ("csv", "tsv") else "1"
    message = (
        rf"{place}{first}: this text stands in the same row as the document .*{place}{first} \(and so do 12 more\)"
    )
    refused(both(tmp_path, kind), tmp_path, message)


def test_the_same_row_of_a_copy(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "copy.jsonl", DOCUMENTS)
    texts = SideConfig(path=str(tmp_path / "copy.jsonl"), column="title")
    refused(
        settings(tmp_path, texts=texts), tmp_path, "copy.jsonl:1: .*the same row as the document .*documents.jsonl:1 "
    )


def test_the_same_id(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, {"id": "4", "title": "emu hen"}])
    sides = {
        "documents": SideConfig(path=str(tmp_path / "documents.jsonl"), column="body", id_column="id"),
        "texts": SideConfig(path=str(tmp_path / "texts.jsonl"), column="title", id_column="id"),
    }
    message = (
        rf"texts.jsonl:{len(TEXTS) + 1}: this text has the id of the document .*documents.jsonl:5\. A text must be"
    )
    refused(settings(tmp_path, **sides), tmp_path, message)


def test_rows_without_an_id_are_not_one_document(tmp_path: Path) -> None:
    for name, rows in (("documents", DOCUMENTS), ("texts", TEXTS)):
        write_jsonl(tmp_path / f"{name}.jsonl", [{**row, "id": None} for row in rows])
    sides = {
        "documents": SideConfig(path=str(tmp_path / "documents.jsonl"), column="body", id_column="id"),
        "texts": SideConfig(path=str(tmp_path / "texts.jsonl"), column="title", id_column="id"),
    }
    assert len(load(settings(tmp_path, **sides), tmp_path / "cache").texts) > 10


@pytest.mark.parametrize("identity", [None, "id"])
def test_parts_of_one_file_that_overlap(identity: str | None, tmp_path: Path) -> None:
    refused(both(tmp_path, part="1/2", id_column=identity), tmp_path, "the same row as the document")


def lines(tmp_path: Path, **changes: Any) -> UnpairedDataConfig:
    """Two text files that go together line by line, as parallel data are kept."""
    write_text(tmp_path / "train.source", MANY, "body")
    write_text(tmp_path / "train.target", MANY, "title")
    sides = {"documents": SideConfig(path=str(tmp_path / "train.source"), **changes.get("documents", {}))}
    sides["texts"] = SideConfig(path=str(tmp_path / "train.target"), **changes.get("texts", {}))
    return UnpairedDataConfig(**sides)  # type: ignore[arg-type]


def test_files_that_go_together_line_by_line(tmp_path: Path) -> None:
    message = r"train.target:(\d+): this text goes with the document on the same line, .*train.source:\1: line by line "
    refused(lines(tmp_path), tmp_path, message)


def test_two_parts_of_parallel_files_are_unpaired(tmp_path: Path) -> None:
    corpus = load(lines(tmp_path, documents={"part": "1/2"}, texts={"part": "2/2"}), tmp_path / "cache")
    kept = {row["body"]: row["title"] for row in MANY}
    titles = {kept[text] for text in column(corpus.documents)}
    assert len(titles) > 100 and not titles & set(column(corpus.texts))
    assert corpus.report.count("paired") == 0


def test_files_of_equal_length_need_not_go_together(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", MANY, "body")
    write_text(tmp_path / "b.txt", MANY[57:] + MANY[:57], "title")
    config = UnpairedDataConfig(SideConfig(path=str(tmp_path / "a.txt")), SideConfig(path=str(tmp_path / "b.txt")))
    assert len(load(config, tmp_path / "cache").texts) > 300


# ---- by content


def test_texts_that_equal_documents(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS[:5], *({"title": row["body"]} for row in DOCUMENTS[:3])])
    refused(
        settings(tmp_path),
        tmp_path,
        "texts.jsonl:6: this text equals the document .*documents.jsonl:1 .and so do 2 more",
    )


def test_one_text_that_equals_a_document_is_left_out(tmp_path: Path) -> None:
    """90,000 compressions of news hold one that is a headline elsewhere: an accident, and no reason to stop."""
    write_jsonl(
        tmp_path / "texts.jsonl",
        [*({"title": f"{row['title']} {row['id']}"} for row in MANY), {"title": DOCUMENTS[0]["body"]}],
    )
    corpus = load(settings(tmp_path), tmp_path / "cache")
    assert corpus.report.count("equal_dropped") == 1
    everything = column(corpus.texts) + column(corpus.dev_texts)
    assert not set(everything) & set(column(corpus.documents) + column(corpus.dev_documents))


@pytest.mark.parametrize("split", ["dev", "test"])
def test_texts_that_hold_the_references(split: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, {"title": PAIRS[2]["summary"]}])
    pairs = {"dev": None, "test": None, split: PairsConfig(path=str(tmp_path / "dev.jsonl"))}
    message = (
        rf"texts.jsonl:{len(TEXTS) + 1}: this text is the summary of .*dev.jsonl:3, "
        f"and 1 of the 6 summaries of {split} are among the texts"
    )
    refused(settings(tmp_path, **pairs), tmp_path, message)


def test_references_are_left_out_of_the_texts_all_the_same(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, {"title": PAIRS[2]["summary"].upper()}])
    corpus = load(settings(tmp_path, allow_pairs=True), tmp_path / "cache")
    assert PAIRS[2]["summary"] not in column(corpus.texts) + column(corpus.dev_texts)


def test_a_few_references_among_the_texts_are_an_accident_and_left_out(tmp_path: Path) -> None:
    pairs = [{"document": row["body"] + " again", "summary": row["title"]} for row in MANY]
    write_jsonl(tmp_path / "dev.jsonl", pairs)
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, {"title": MANY[7]["title"]}, {"title": MANY[9]["title"]}])
    corpus = load(settings(tmp_path), tmp_path / "cache")
    assert corpus.report.count("leaked_dropped") == 2
    assert not {p["summary"] for p in pairs} & set(column(corpus.texts) + column(corpus.dev_texts))


def test_documents_of_pairs_are_left_out_of_the_documents(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "documents.jsonl", [*DOCUMENTS, {"body": PAIRS[0]["document"]}, {"body": PAIRS[1]["document"]}]
    )
    corpus = load(settings(tmp_path), tmp_path / "cache")
    assert corpus.report.count("leaked_dropped", "documents") == 2
    assert corpus.dev is not None
    assert not set(column(corpus.dev, "document")) & set(column(corpus.documents) + column(corpus.dev_documents))


def test_ids_of_pairs_are_left_out_of_both_sides(tmp_path: Path) -> None:
    """The title of a dev document in other words: only the id betrays it."""
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, {"id": PAIRS[0]["id"], "title": "other words"}])
    config = settings(
        tmp_path,
        texts=SideConfig(path=str(tmp_path / "texts.jsonl"), column="title", id_column="id"),
        dev=PairsConfig(path=str(tmp_path / "dev.jsonl"), id_column="id"),
    )
    corpus = load(config, tmp_path / "cache")
    assert "other words" not in column(corpus.texts) + column(corpus.dev_texts)
    assert corpus.report.count("leaked_dropped") == 1


def test_allow_pairs_is_said_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load(settings(tmp_path, allow_pairs=True), tmp_path / "cache")
    assert "not unsupervised" in caplog.text
