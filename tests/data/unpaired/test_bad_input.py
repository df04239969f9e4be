"""What is wrong in the files is told with file, line and remedy, and nothing is left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.unpaired.files import DOCUMENTS, PAIRS, TEXTS, load, settings, write_hub, write_parquet
from textvae.data.unpaired.config import PairsConfig, SideConfig
from textvae.errors import UserError

LINES = b"".join(json.dumps(row).encode() + b"\n" for row in TEXTS)
BAD: dict[str, tuple[str, bytes, dict[str, Any], str]] = {
    "empty file": ("t.txt", b"", {}, "t.txt: holds no text; fill the file"),
    "blank lines only": ("t.txt", b"\n \n\n", {}, "t.txt: holds no text; fill the file"),
    "not UTF-8": ("t.txt", b"good\ncaf\xe9\n", {}, r"t.txt:2: byte 4 \(0xe9\) is not UTF-8.*iconv"),
    "UTF-16": ("t.txt", "good\n".encode("utf-16"), {}, "t.txt:1: .*UTF-16"),
    "NUL": ("t.txt", b"good\nb\0d\n", {}, "t.txt:2: byte 2 is NUL"),
    "NUL in JSON": ("t.jsonl", LINES + b'{"title": "a\\u0000b"}', {}, rf"t.jsonl:{len(TEXTS) + 1}: character 2 is NUL"),
    "half a character": ("t.jsonl", LINES + b'{"title": "a\\ud83d"}', {}, "U\\+D83D is half of a character"),
    "over-long line": (
        "t.txt",
        b"ok\n" + b"x" * 60 + b"\n",
        {"max_line_chars": 50},
        "t.txt:2: 60 characters.*max_line_chars",
    ),
    "over-long cell": (
        "t.jsonl",
        LINES + json.dumps({"title": "x" * 60}).encode(),
        {"max_line_chars": 50},
        rf"t.jsonl:{len(TEXTS) + 1}: 60 characters in one text.*raise data.texts.max_line_chars",
    ),
    "missing column": (
        "t.jsonl",
        LINES,
        {"column": "headline"},
        "t.jsonl:1: no column 'headline'; the columns are 'id', 'title'. Choose with --data.texts.column",
    ),
    "column missing later": ("t.jsonl", LINES + b'{"name": 1}', {}, rf"t.jsonl:{len(TEXTS) + 1}: no column 'title'"),
    "missing id column": ("t.jsonl", LINES, {"id_column": "key"}, "no column 'key'.*--data.texts.id_column"),
    "missing column in csv": ("t.csv", b"a,b\n1,2\n", {}, "t.csv:1: no column 'title'"),
    "broken JSON": ("t.jsonl", LINES + b"{oops", {}, rf"t.jsonl:{len(TEXTS) + 1}: broken JSON"),
    "a list for an object": ("t.jsonl", b"[1, 2]", {}, "t.jsonl:1: holds a JSON list, expected one object a line"),
    "a number for a text": ("t.jsonl", b'{"title": 3}', {}, "t.jsonl:1: column 'title' holds int 3, expected text"),
    "a number in a list": (
        "t.jsonl",
        b'{"title": ["a", 3]}',
        {},
        "t.jsonl:1: column 'title' holds int 3, expected text",
    ),
    "an object for an id": (
        "t.jsonl",
        b'{"title": "a b", "id": {}}',
        {"id_column": "id"},
        r"t.jsonl:1: column 'id' holds dict \{\}, expected an id",
    ),
    "a csv row too short": ("t.csv", b"title,id\na b,1\nc d\n", {}, "t.csv:3: 1 fields, but the header names 2"),
    "an open quote": ("t.csv", b'title\n"a b\n', {}, "t.csv:2: broken csv"),
    "no parquet": ("t.parquet", b"PAR1 nothing", {}, "t.parquet: no readable parquet file"),
    "ids of a text file": (
        "t.txt",
        b"a b\nc d\n",
        {"id_column": "id"},
        "t.txt: a text file has no columns; leave data.texts.id_column",
    ),
    "all too short": (
        "t.txt",
        b"a b\nc d\n",
        {"min_tokens": 5},
        "no texts are left: 2 of fewer words than min_tokens left out",
    ),
    "all too long": (
        "t.txt",
        b"a b\nc d\n",
        {"max_tokens": 1},
        r"no texts are left: 2 of more words.*first: t.txt:1\)",
    ),
}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_bad_texts(kind: str, tmp_path: Path) -> None:
    name, content, changes, message = BAD[kind]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        side = SideConfig(**{"path": str(tmp_path / name), "column": "title", **changes})
        load(settings(tmp_path, texts=side), tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing.txt", "nothing.txt: no such file; give it with --data.documents.path .*--data.documents.format hub"),
        ("no*.txt", r"no\*.txt: no such file"),
        (".", "is a folder; name its files with a pattern"),
    ],
)
def test_missing_files(path: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        load(settings(tmp_path, documents=SideConfig(path=str(tmp_path / path))), tmp_path / "cache")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(tmp_path)
    real = open

    def denied(path: Any, *arguments: Any, **named: Any) -> Any:
        if str(path).endswith("texts.jsonl"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(UserError, match="texts.jsonl: cannot be read .Permission denied"):
        load(config, tmp_path / "cache")


def test_rows_of_parquet_and_hub_are_named_by_number(tmp_path: Path) -> None:
    write_parquet(tmp_path / "t.parquet", [*TEXTS, {"id": 1, "title": "a\0b"}])
    with pytest.raises(UserError, match=rf"t.parquet: row {len(TEXTS) + 1}: character 2 is NUL"):
        load(settings(tmp_path, texts=SideConfig(path=str(tmp_path / "t.parquet"), column="title")), tmp_path / "cache")
    write_hub(tmp_path / "hub", TEXTS)
    side = SideConfig(path=str(tmp_path / "hub"), format="hub", column="headline")
    with pytest.raises(UserError, match=r"hub\[train\]: no column 'headline'"):
        load(settings(tmp_path, texts=side), tmp_path / "cache")
    side = SideConfig(path=str(tmp_path / "hub"), format="hub", column="title", split="nowhere")
    with pytest.raises(UserError, match="no split 'nowhere', only train"):
        load(settings(tmp_path, texts=side), tmp_path / "cache")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"document": "a b"},
            "dev.jsonl:7: no column 'summary'.*--data.dev.document_column, --data.dev.summary_column",
        ),
        ({"document": 5, "summary": "a"}, "dev.jsonl:7: column 'document' holds int 5, expected text"),
    ],
)
def test_bad_pairs(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text("\n".join(json.dumps(r) for r in [*PAIRS, row]))
    with pytest.raises(UserError, match=message):
        load(settings(tmp_path), tmp_path / "cache")


def test_pairs_without_a_half_are_skipped_and_counted(tmp_path: Path) -> None:
    rows = [
        *PAIRS,
        {"document": "a b", "summary": ""},
        {"document": [], "summary": "c"},
        {"document": "", "summary": ""},
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    corpus = load(settings(tmp_path), tmp_path / "cache")
    assert corpus.dev is not None and len(corpus.dev) == len(PAIRS)
    assert corpus.report.count("empty", "dev") == 3


def test_crlf_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(r["title"] for r in TEXTS).encode())
    corpus = load(settings(tmp_path, texts=SideConfig(path=str(tmp_path / "t.txt"))), tmp_path / "cache")
    assert sorted([*corpus.texts["text"], *corpus.dev_texts["text"]]) == sorted(r["title"] for r in TEXTS)


def test_control_characters_are_counted_and_blanked_out(tmp_path: Path) -> None:
    (tmp_path / "documents.jsonl").write_text(
        "\n".join(json.dumps(r) for r in [*DOCUMENTS, {"body": "a\u0007b c", "title": ""}])
    )
    corpus = load(settings(tmp_path), tmp_path / "cache")
    assert corpus.report.count("control_characters", "documents") == 1
    assert "a b c" in [*corpus.documents["text"], *corpus.dev_documents["text"]]


def test_pairs_need_columns(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("a b\n")
    with pytest.raises(UserError, match="a text file has no columns"):
        load(settings(tmp_path, dev=PairsConfig(path=str(tmp_path / "pairs.txt"))), tmp_path / "cache")
