"""Whatever is in the files: a corpus or a UserError, and after an error an empty cache."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from textvae.data.sources import Corpus, DataConfig, load_corpus
from textvae.errors import UserError
from textvae.text import TextConfig

FEW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@contextlib.contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as parent:
        data, cache = Path(parent, "data"), Path(parent, "cache")
        data.mkdir()
        yield data, cache


def load_or_refuse(config: DataConfig, cache: Path) -> Corpus | None:
    """The corpus, checked, or None if a UserError says why not and nothing was left behind."""
    try:
        corpus = load_corpus(config, TextConfig(), cache)
    except UserError as error:
        event("refused")
        assert list(cache.glob("*")) == []
        assert config.path in str(error) and len(str(error)) > len(config.path) + 10
        str(error).encode()  # can be printed
        return None
    event("loaded")
    check(corpus, config)
    again = load_corpus(config, TextConfig(), cache)
    assert again.report == corpus.report and again.train[:] == corpus.train[:]
    assert [path.name[:7] for path in cache.iterdir()] == ["corpus-"]
    return corpus


def check(corpus: Corpus, config: DataConfig) -> None:
    """What every corpus promises."""
    json.dumps(corpus.report.to_dict())
    assert len(corpus.labels) == len(set(corpus.labels)) >= 2
    texts: dict[str, set[str]] = {}
    for name, split in (("train", corpus.train), ("dev", corpus.dev), ("test", corpus.test)):
        if split is None:
            continue
        assert set(split["label"]) == set(range(len(corpus.labels)))
        assert len(split) == corpus.report.splits[name].total > 0
        texts[name] = set(split["text"])
        for text in texts[name]:
            assert text and "\n" not in text and text == text.strip()
            assert len(text.split(" ")) <= config.max_tokens
    assert not texts["train"] & (texts["dev"] | texts.get("test", set()))


# ---- folders of NAME.SPLIT.LABEL

line = st.sampled_from(
    [
        "good food .",
        "bad food",
        "don't !",
        "",
        "  ",
        "caf\u00e9",
        "\u200b",
        "a\x07b",
        "\u2028",
        "x " * 12,
        "\u0130 \ufb01",
    ]
)
odd = st.sampled_from(
    [
        b"\0",
        b"\xff",
        b"\xc3",
        b"\r",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"\t",
        b'"',
        b"\n\n",
        b"x" * 300,
        b"\xed\xa0\x80",
    ]
)
label = st.sampled_from(["0", "1", "2", "pos", "0.1", "\u00e9", "a b", "1.txt", "~", "-1", "01"])
noise = st.lists(st.one_of(line.map(str.encode), odd, st.binary(max_size=8)), max_size=6).map(b"".join)
spoils = st.lists(st.tuples(st.integers(0, 400), st.one_of(odd, line.map(str.encode))), max_size=2)
few_spoils: st.SearchStrategy[list[Any]] = st.one_of(st.just([]), st.just([]), spoils)


def spoil(body: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """`body` with bytes put in at some places."""
    for position, inserted in changes:
        at = position % (len(body) + 1)
        body = body[:at] + inserted + body[at:]
    return body


@FEW
@given(st.dictionaries(st.tuples(st.sampled_from(["train", "dev", "val", "test", "reference"]), label), noise))
def test_files_of_any_content(content: dict[tuple[str, str], bytes]) -> None:
    with folders() as (data, cache):
        for (split, raw), body in content.items():
            name = f"reference.{raw}" if split == "reference" else f"sentiment.{split}.{raw}"
            (data / name).write_bytes(body)
        load_or_refuse(DataConfig(path=str(data), max_line_chars=200, max_tokens=8), cache)


@settings(FEW, max_examples=50)
@given(
    labels=st.lists(label, min_size=2, max_size=4, unique=True),
    splits=st.sampled_from([("train", "dev", "test"), ("train", "test"), ("train", "val"), ("train",)]),
    numbers=st.lists(st.integers(0, 60), min_size=4, max_size=30),
    changes=spoils,
    references=st.booleans(),
)
def test_files_mostly_right(
    labels: list[str], splits: tuple[str, ...], numbers: list[int], changes: list[Any], references: bool
) -> None:
    """Sentences fall to labels and splits as `numbers` say; bytes may be put into one file."""
    with folders() as (data, cache):
        for i, raw in enumerate(labels):
            for j, split in enumerate(splits):
                chosen = [n for n in numbers if (n % 7 + i) % 3 == j % 3] + [1000 * j + i, 9000 + 10 * j + i]
                body = "".join(f"Sentence {n}, really.\n" for n in chosen).encode()
                (data / f"sentiment.{split}.{raw}").write_bytes(spoil(body, changes if i == j == 0 else []))
                if split == "test" and references:
                    (data / f"reference.{raw}").write_text("a\n" * len(chosen))
        load_or_refuse(DataConfig(path=str(data), max_line_chars=200, max_tokens=8), cache)


# ---- tables: eight good rows with anything between

GOOD = [(f"sentence {i} .", i % 2) for i in range(8)]
scalar = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    line,
    label,
    st.sampled_from(["\ud800", "\0", [], {}, ["a"]]),
)
record = st.dictionaries(st.sampled_from(["text", "label", "references", "x"]), scalar, max_size=4)
right = st.fixed_dictionaries({"text": line, "label": st.sampled_from([0, "1", 1.0, "0 "]), "x": scalar})
json_line = st.one_of(
    right.map(json.dumps),
    right.map(json.dumps),
    record.map(json.dumps),
    scalar.map(json.dumps),
    st.just('{"text":'),
)
name = st.sampled_from([*["train"] * 9, "train-0", "dev", "validation", "test", "notes"])


@FEW
@given(extra=st.lists(st.tuples(name, json_line), max_size=4), changes=few_spoils, references=st.booleans())
def test_jsonl_of_any_content(extra: list[tuple[str, str]], changes: list[tuple[int, bytes]], references: bool) -> None:
    with folders() as (data, cache):
        files = {"train": [json.dumps({"text": text, "label": y}) for text, y in GOOD]}
        for file, item in extra:
            files.setdefault(file, []).insert(2, item)
        for file, lines in files.items():
            body = "\n".join(lines).encode()
            (data / f"{file}.jsonl").write_bytes(spoil(body, changes if file == "train" else []))
        column = "references" if references else None
        load_or_refuse(DataConfig(source="jsonl", path=str(data), reference_column=column, max_tokens=8), cache)


cell = st.one_of(line, label, st.sampled_from(['"', "a\nb", "a,b", "\t", "a\rb"]))
row = st.one_of(st.tuples(cell, st.sampled_from("01")), st.lists(cell, max_size=4)).map(list)


@FEW
@given(
    extra=st.lists(st.tuples(name, row), max_size=3),
    changes=few_spoils,
    delimiter=st.sampled_from([",", "\t", ";"]),
)
def test_csv_of_any_content(
    extra: list[tuple[str, list[str]]], changes: list[tuple[int, bytes]], delimiter: str
) -> None:
    with folders() as (data, cache):
        files: dict[str, list[Any]] = {"train": [("text", "label"), *GOOD]}
        for file, item in extra:
            files.setdefault(file, [("label", "text")]).insert(1, item)
        for file, rows in files.items():
            handle = io.StringIO()
            csv.writer(handle, delimiter=delimiter, lineterminator="\n").writerows(rows)
            body = spoil(handle.getvalue().encode(), changes if file == "train" else [])
            (data / f"{file}.csv").write_bytes(body)
        load_or_refuse(DataConfig(source="csv", path=str(data), delimiter=delimiter, max_tokens=8), cache)


@FEW
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3),
    cut=st.one_of(st.none(), st.integers(0, 3_000)),
)
def test_parquet_with_bytes_changed(changes: list[tuple[int, int]], cut: int | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with folders() as (data, cache):
        path = data / "train.parquet"
        pq.write_table(pa.table({"text": [t for t, _ in GOOD], "label": [y for _, y in GOOD]}), path)
        body = bytearray(path.read_bytes())
        for position, changed in changes:
            body[position % len(body)] = changed
        path.write_bytes(body[:cut])
        load_or_refuse(DataConfig(source="parquet", path=str(data), max_tokens=8), cache)


@settings(FEW, max_examples=40)
@given(st.binary(max_size=60), st.sampled_from(["files", "jsonl", "csv", "parquet"]))
def test_pure_noise(body: bytes, source: Any) -> None:
    ending = {
        "files": "sentiment.train.0",
        "jsonl": "train.jsonl",
        "csv": "train.csv",
        "parquet": "train.parquet",
    }
    with folders() as (data, cache):
        (data / ending[source]).write_bytes(body)
        assert load_or_refuse(DataConfig(source=source, path=str(data)), cache) is None or source != "files"


@pytest.mark.parametrize("label", [b"\xff", b"\xff\xfe", b"a\nb", b"\x07"])
def test_file_names_no_label_can_have(label: bytes) -> None:
    with folders() as (data, cache):
        for split in ("train", "dev"):
            (data / f"sentiment.{split}.0").write_text("some\nother\n")
            (data / f"sentiment.{split}.{os.fsdecode(label)}").write_text("more\nless\n")
        with pytest.raises(UserError) as caught:
            load_corpus(DataConfig(path=str(data)), TextConfig(), cache)
        str(caught.value).encode()
        assert list(cache.glob("*")) == []
