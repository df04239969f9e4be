"""Every source gives the same corpus; the cache is whole or not there."""

from __future__ import annotations

import csv
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from textvae.data import corpus as corpus_module
from textvae.data import staging
from textvae.data.config import SourceName
from textvae.data.corpus import code_checksum
from textvae.data.sources import SOURCES, Corpus, DataConfig, load_corpus
from textvae.errors import UserError
from textvae.text import TextConfig

Rows = list[tuple[str, str, list[str]]]
TRAIN: Rows = [
    ("Good food !", "1", []),
    ("the staff don't care .", "0", []),
    ("GREAT place .", "1", []),
    ("cold soup .", "0", []),
]
DEV: Rows = [("bad soup .", "0", []), ("nice soup .", "1", [])]
TEST: Rows = [
    ("slow service .", "0", ["Fast service."]),
    ("lovely, warm .", "1", ["awful , cold ."]),
    ("never again .", "0", ["always again ."]),
]
SPLITS = {"train": TRAIN, "dev": DEV, "test": TEST}
NAMES = {"0": "negative", "1": "positive"}


def write_files(folder: Path, splits: dict[str, Rows] | None = None) -> None:
    folder.mkdir(exist_ok=True)
    for split, rows in (splits or SPLITS).items():
        for label in sorted({row[1] for row in rows}):
            chosen = [row for row in rows if row[1] == label]
            (folder / f"sentiment.{split}.{label}").write_text("".join(f"{row[0]}\n" for row in chosen))
            if split == "test" and chosen[0][2]:
                (folder / f"reference.{label}").write_text("".join(f"{row[2][0]}\n" for row in chosen))


def write_jsonl(folder: Path) -> None:
    for split, rows in SPLITS.items():
        lines = [json.dumps({"text": t, "label": int(y), "references": r or ["unread"]}) for t, y, r in rows]
        (folder / f"{split}.jsonl").write_text("\n".join(lines))


def write_csv(folder: Path, ending: str = "csv", delimiter: str = ",") -> None:
    for split, rows in SPLITS.items():
        with open(folder / f"{split}.{ending}", "w", newline="") as handle:
            writer = csv.writer(handle, delimiter=delimiter)
            writer.writerow(["label", "references", "text"])
            writer.writerows([label, (r or [""])[0], t] for t, label, r in rows)


def write_tsv(folder: Path) -> None:
    write_csv(folder, "tsv", "\t")


def _arrow(rows: Rows) -> dict[str, Any]:
    texts, labels, references = zip(*rows, strict=True)
    return {"text": texts, "label": [int(label) for label in labels], "references": references}


def write_parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema({"text": pa.string(), "label": pa.int8(), "references": pa.list_(pa.string())})
    for split, rows in SPLITS.items():
        pq.write_table(pa.table(_arrow(rows), schema=schema), folder / f"{split}-00000-of-00001.parquet")


def write_hub(folder: Path) -> None:
    import datasets

    columns = {split: datasets.Dataset.from_dict(_arrow(rows)) for split, rows in SPLITS.items()}
    datasets.DatasetDict(columns).save_to_disk(str(folder))


WRITERS: dict[str, tuple[SourceName, Callable[[Path], None]]] = {
    "files": ("files", write_files),
    "jsonl": ("jsonl", write_jsonl),
    "csv": ("csv", write_csv),
    "tsv": ("csv", write_tsv),
    "parquet": ("parquet", write_parquet),
    "hub": ("hub", write_hub),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def load(folder: Path, cache: Path, text: TextConfig | None = None, **settings: Any) -> Corpus:
    return load_corpus(DataConfig(path=str(folder), **settings), text or TextConfig(), cache)


def rows(dataset: Any, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in dataset]


# ---- what each source yields


def test_every_source_name_has_a_function() -> None:
    assert set(SOURCES) == set(get_args(SourceName))


@pytest.mark.parametrize("kind", WRITERS)
def test_sources_agree(kind: str, folder: Path, cache: Path) -> None:
    source, write = WRITERS[kind]
    write(folder)
    column = None if source == "files" else "references"
    corpus = load(folder, cache, source=source, labels=NAMES, reference_column=column)
    assert corpus.labels == ("negative", "positive")
    assert sorted(rows(corpus.train, "text", "raw", "label", "references")) == [
        ("cold soup .", "cold soup .", 0, []),
        ("good food !", "Good food !", 1, []),
        ("great place .", "GREAT place .", 1, []),
        ("the staff do n't care .", "the staff don't care .", 0, []),
    ]
    assert corpus.test is not None
    assert sorted(rows(corpus.test, "text", "label", "references")) == [
        ("lovely , warm .", 1, ["awful , cold ."]),
        ("never again .", 0, ["always again ."]),
        ("slow service .", 0, ["Fast service."]),
    ]
    assert rows(corpus.dev, "text", "label") == [("bad soup .", 0), ("nice soup .", 1)]
    assert corpus.report.splits["test"].references == 3
    assert corpus.train.features["label"].dtype == "int64"
    assert corpus.train.cache_files, "must be memory-mapped from the cache"


@pytest.mark.parametrize("kind", sorted(set(WRITERS) - {"files"}))
def test_references_are_not_read_unasked(kind: str, folder: Path, cache: Path) -> None:
    source, write = WRITERS[kind]
    write(folder)
    corpus = load(folder, cache, source=source)
    assert corpus.test is not None
    assert {len(row["references"]) for row in corpus.test} == {0}
    assert corpus.labels == ("0", "1")


def test_line_ends_byte_order_mark_and_last_newline(folder: Path, cache: Path) -> None:
    write_files(folder)
    plain = load(folder, cache)
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    windows = load(folder, cache)
    assert windows.fingerprint != plain.fingerprint
    assert plain.test is not None and windows.test is not None
    for split in ("train", "dev", "test"):
        assert list(getattr(windows, split)) == list(getattr(plain, split))


def test_lines_end_at_newlines_only(folder: Path, cache: Path) -> None:
    write_files(folder)
    (folder / "sentiment.test.1").write_text("one\u2028line \x0b of \x85 text\n", encoding="utf-8")
    corpus = load(folder, cache)
    assert corpus.test is not None
    assert corpus.test[2]["text"] == "one line of text"
    assert corpus.test[2]["references"] == ["awful , cold ."]


def test_dev_goes_by_other_names(folder: Path, cache: Path) -> None:
    write_files(folder, {"train": TRAIN, "valid": DEV, "test": TEST})
    assert len(load(folder, cache).dev) == 2
    write_files(folder, {"validation": DEV})
    with pytest.raises(UserError, match=r"both sentiment\.validation\.\* and sentiment\.valid\.\*"):
        load(folder, cache)


def test_many_labels_are_sorted_as_numbers_and_may_share_names(folder: Path, cache: Path) -> None:
    for label in range(12):
        for split in ("train", "dev"):
            (folder / f"sentiment.{split}.{label}").write_text(f"{split} sentence {label}\nand more {label}\n")
    assert load(folder, cache).labels == tuple(str(label) for label in range(12))
    names = {str(label): "high" if label > 5 else "low" for label in range(12)}
    corpus = load(folder, cache, labels=names)
    assert corpus.labels == ("low", "high")
    assert all(row["label"] == (int(row["text"].split()[-1]) > 5) for row in corpus.train)


def test_labels_that_are_words(folder: Path, cache: Path) -> None:
    for label in ("formal", "in.formal"):
        for split in ("train", "dev"):
            (folder / f"sentiment.{split}.{label}").write_text(f"{split} {label}\n")
    assert load(folder, cache).labels == ("formal", "in.formal")


def test_order_of_the_classes_is_that_of_the_mapping(folder: Path, cache: Path) -> None:
    write_files(folder)
    corpus = load(folder, cache, labels={"1": "positive", "0": "negative"})
    assert corpus.labels == ("positive", "negative")
    assert rows(corpus.dev, "text", "label") == [("bad soup .", 1), ("nice soup .", 0)]
    assert load(folder, cache, labels=NAMES).labels == ("negative", "positive")  # not the cached one


def test_several_references_and_those_with_their_source(folder: Path, cache: Path) -> None:
    write_files(folder)
    (folder / "reference.0.10").write_text("ten one .\nten two .\n")
    (folder / "reference.0.2").write_text("slow service .\ttwo one .\n a\tb \n")
    (folder / "reference.7").write_text("whose ?\n")
    corpus = load(folder, cache)
    assert corpus.test is not None
    assert rows(corpus.test, "references") == [
        (["Fast service.", "two one .", "ten one ."],),
        (["always again .", "a\tb", "ten two ."],),
        (["awful , cold ."],),
    ]
    assert corpus.report.count("unused_references", "test") == 1


def test_empty_lines_keep_test_and_references_aligned(folder: Path, cache: Path) -> None:
    write_files(folder)
    (folder / "sentiment.test.0").write_text("one\n\nthree\nfour\n\n\n")
    (folder / "reference.0").write_text("eins\nzwei\ndrei\n")
    with pytest.raises(UserError, match=r"reference\.0: 3 lines, but .*sentiment\.test\.0 has 4"):
        load(folder, cache)
    (folder / "reference.0").write_text("eins\nzwei\n\nvier\n")
    corpus = load(folder, cache)
    assert corpus.test is not None
    found = rows(corpus.test, "text", "references")
    assert found[:3] == [("one", ["eins"]), ("three", []), ("four", ["vier"])]
    assert corpus.report.count("empty_references", "test") == 1


def test_shards_patterns_and_one_file(folder: Path, cache: Path) -> None:
    write_jsonl(folder)
    one = load(folder / "train.jsonl", cache, source="jsonl", dev_fraction=0.4)
    assert one.test is None and one.report.held_out and len(one.train) == len(one.dev) == 2

    whole = load(folder, cache, source="jsonl")
    lines = (folder / "train.jsonl").read_text().splitlines(keepends=True)
    (folder / "train.jsonl").unlink()
    (folder / "train-00000-of-00002.jsonl").write_text("".join(lines[:1]))
    (folder / "train-00001-of-00002.jsonl").write_text("".join(lines[1:]))
    assert list(load(folder, cache, source="jsonl").train) == list(whole.train)
    chosen = load(folder, cache, source="jsonl", train="train-*.jsonl", dev="t*t.jsonl", test="none")
    assert list(chosen.train) == list(whole.train) and len(chosen.dev) == 3 and chosen.test is None
    (folder / "train.jsonl").write_text(lines[0])
    with pytest.raises(UserError, match="which is train"):
        load(folder, cache, source="jsonl")
    with pytest.raises(UserError, match=r"no such file; check data\.path and data\.train"):
        load(folder, cache, source="jsonl", train="nothing*")
    with pytest.raises(UserError, match="is in dev and in train; narrow"):
        load(folder, cache, source="jsonl", train="*.jsonl")


def test_csv_dialects(folder: Path, cache: Path) -> None:
    (folder / "dev.tsv").write_text('text\tlabel\n"open quote\ta\nfine\tb\n')
    (folder / "train.csv").write_text('text;label\n"good; really\ngood ""food""";a\n\n\'bad\' food;b\nmore;a\nless;b\n')
    corpus = load(folder / "train.csv", cache, TextConfig(tokenise=False), source="csv", delimiter=";")
    texts = {row["text"] for split in (corpus.train, corpus.dev) for row in split}
    assert texts == {'good; really good "food"', "'bad' food", "more", "less"}
    assert corpus.report.count("empty") == 1
    (folder / "train.csv").write_text("label,text\na,no quote\nb,some\n")
    corpus = load(folder, cache, TextConfig(tokenise=False), source="csv")
    assert rows(corpus.dev, "text", "label") == [('"open quote', 0), ("fine", 1)]


def test_labels_of_any_simple_type(folder: Path, cache: Path) -> None:
    train = [("a", True), ("b", False), ("c", "true "), ("d", " false")]
    (folder / "train.jsonl").write_text("\n".join(json.dumps({"text": t, "label": v}) for t, v in train))
    assert load(folder, cache, source="jsonl").labels == ("false", "true")
    (folder / "train.jsonl").write_text(
        '{"text": "a", "label": 1}\n{"text": "b", "label": 1.0}\n{"text": "c", "label": "1"}\n'
        '{"text": "d", "label": 0}\n{"text": "e", "label": "0"}\n'
    )
    assert load(folder, cache, source="jsonl").labels == ("0", "1")


def test_hub_reads_a_local_folder_and_class_names(
    folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    write_jsonl(folder)
    local = load(folder, cache, source="hub", reference_column="references")
    assert local.test is not None and local.test[0]["references"] == ["Fast service."]
    with pytest.raises(UserError, match=r"no split 'missing' \(data\.dev\), only train, "):
        load(folder, cache, source="hub", dev="missing")

    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["bad", "good"]))
    train = datasets.Dataset.from_dict({"text": list("abcd"), "label": [1, 0, 1, 0]}, features=features)
    hidden = datasets.Dataset.from_dict({"text": ["x"], "label": [-1]}, features=features)
    saved = tmp_path / "saved"
    datasets.DatasetDict(train=train, test=hidden).save_to_disk(str(saved))
    with pytest.raises(UserError, match=r"\[test\]: row 1: .* holds -1, .*--data\.test none"):
        load(saved, cache, source="hub")
    named = load(saved, cache, source="hub", test="none")
    assert named.labels == ("bad", "good") and named.test is None and len(named.train) + len(named.dev) == 4
    assert load(saved, cache, source="hub", test="none", labels=NAMES).labels == ("negative", "positive")


def test_hub_that_cannot_be_loaded(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be loaded .*data\.path"):
        load(tmp_path / "nothing" / "of" / "that", cache, source="hub")


# ---- the cache


def arrow_state(cache: Path) -> dict[str, int]:
    return {str(path): path.stat().st_ino for path in cache.rglob("*") if path.is_file()}


def test_second_load_prepares_nothing(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(folder)
    first = load(folder, cache)
    state = arrow_state(cache)
    monkeypatch.setattr(staging, "prepare", lambda *_: pytest.fail("prepared again"))
    second = load(folder, cache)
    assert arrow_state(cache) == state
    assert (second.labels, second.report, second.fingerprint) == (
        first.labels,
        first.report,
        first.fingerprint,
    )
    assert list(second.train) == list(first.train)


def test_the_same_files_elsewhere_are_the_same_corpus(folder: Path, cache: Path, tmp_path: Path) -> None:
    write_files(folder)
    first = load(folder, cache)
    folder.rename(tmp_path / "moved")
    assert load(tmp_path / "moved", cache).fingerprint == first.fingerprint
    assert len(list(cache.iterdir())) == 1


def test_any_change_is_another_corpus(folder: Path, cache: Path) -> None:
    write_files(folder)
    load(folder, cache)
    load(folder, cache, TextConfig(lowercase=False))
    load(folder, cache, max_tokens=3)
    path = folder / "sentiment.train.0"
    stat = path.stat()
    path.write_text(path.read_text().replace("cold", "told"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # same size, same time
    assert any("told" in row["text"] for row in load(folder, cache).train)
    assert len(list(cache.iterdir())) == 4


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["train.arrow", "dev.arrow", "corpus.json"])
@pytest.mark.parametrize("damage", [_truncate, _flip, Path.unlink])
def test_a_damaged_cache_is_rebuilt(
    name: str, damage: Callable[[Path], Any], folder: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_files(folder)
    first = load(folder, cache)
    expected = list(first.train)
    damage(next(cache.glob(f"*/{name}")))
    with caplog.at_level(logging.WARNING):
        second = load(folder, cache)
    assert list(second.train) == expected and second.report == first.report
    assert "building it again" in caplog.text and name in caplog.text
    assert len(list(cache.iterdir())) == 1


def test_full_disk(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(folder)
    real = open
    monkeypatch.setattr(staging, "open", lambda path, mode: real("/dev/full", mode), raising=False)
    with pytest.raises(UserError, match="no space left"):
        load(folder, cache)
    assert list(cache.iterdir()) == []


def test_cache_that_cannot_be_written(folder: Path, cache: Path) -> None:
    write_files(folder)
    cache.write_text("a file where a folder should be")
    with pytest.raises(UserError, match="cannot be written"):
        load(folder, cache)


def test_interruption_leaves_nothing(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(folder)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(staging, "prepare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load(folder, cache)
    assert list(cache.iterdir()) == []


def _load_slowly(folder: Path, cache: Path) -> None:
    staging.prepare = lambda *_: time.sleep(60)  # type: ignore[assignment,func-returns-value]
    load(folder, cache)


def test_killed_build_is_cleared_away_and_a_living_one_is_not(
    folder: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_files(folder)
    child = multiprocessing.get_context("fork").Process(target=_load_slowly, args=(folder, cache))
    child.start()
    while not list(cache.glob("*/test.staged")):
        time.sleep(0.01)
    load(folder, cache)
    assert len(list(cache.glob(".corpus-*.tmp"))) == 1  # the child is still at it
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    for path in cache.glob("corpus-*/corpus.json"):
        path.unlink()
    with caplog.at_level(logging.WARNING):
        assert len(load(folder, cache).train) == 4
    assert "remains of an interrupted build" in caplog.text
    assert [path.name[:7] for path in cache.iterdir()] == ["corpus-"]


def _load_in_child(folder: Path, cache: Path, results: Any) -> None:
    try:
        results.put(load(folder, cache).train["text"][:])
    except BaseException as error:  # a child has no other way to tell
        results.put(repr(error))


def test_several_processes_at_once(folder: Path, cache: Path) -> None:
    write_files(folder)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    children = [context.Process(target=_load_in_child, args=(folder, cache, results)) for _ in range(4)]
    for child in children:
        child.start()
    found = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    assert found == [load(folder, cache).train["text"][:]] * 4
    assert len(list(cache.iterdir())) == 1


def test_another_process_publishes_first(
    folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(folder)
    real = corpus_module._publish

    def late(temporary: Path, target: Path, reopen: Callable[[Path], Any]) -> None:
        if not target.exists():
            load_other()
        real(temporary, target, reopen)

    def load_other() -> None:
        monkeypatch.setattr(corpus_module, "_publish", real)
        load(folder, cache)

    monkeypatch.setattr(corpus_module, "_publish", late)
    assert len(load(folder, cache).train) == 4
    assert len(list(cache.iterdir())) == 1


# ---- cost


def test_memory_does_not_grow_with_the_sentences(folder: Path, cache: Path) -> None:
    """Python objects alone: a list of these sentences, text and raw, would take 200 bytes each."""
    load_corpus(DataConfig(path=str(_numbered(folder, 10))), TextConfig(tokenise=False), cache)  # warm imports
    peaks = []
    for count in (10_000, 30_000):
        _numbered(folder, count)
        tracemalloc.start()
        load(folder, cache, TextConfig(tokenise=False))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 80 * 20_000, peaks


def _numbered(folder: Path, count: int) -> Path:
    for label in "01":
        for split, size in (("train", count // 2), ("dev", 2)):
            lines = (f"{split} sentence number {i} of {label} and padding after it\n" for i in range(size))
            (folder / f"sentiment.{split}.{label}").write_text("".join(lines))
    return folder


def test_import_is_light() -> None:
    code = (
        "import sys, textvae.data.sources; "
        "print([m for m in ('datasets', 'pyarrow', 'torch', 'transformers', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_module_of_a_folder_decides_whether_a_cache_is_stale(tmp_path: Path) -> None:
    """A list kept by hand would miss a new one."""
    (tmp_path / "data" / "own").mkdir(parents=True)
    for name in ("files.py", "text.py", "data/a.py", "data/own/b.py"):
        (tmp_path / name).write_text(name)
    found = {code_checksum("data/own", package=tmp_path)}
    for name in ("data/new.py", "data/own/new.py", "data/a.py", "text.py"):
        (tmp_path / name).write_text("changed")
        found.add(code_checksum("data/own", package=tmp_path))
    assert len(found) == 5
