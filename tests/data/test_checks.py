"""What is wrong is told with file and line; what is doubtful is counted."""

from __future__ import annotations

import ast
import inspect
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textvae.data import checks, config
from textvae.data.checks import Columns, DataReport, Tally
from textvae.data.config import SourceName
from textvae.data.sources import Corpus, DataConfig, load_corpus
from textvae.errors import UserError
from textvae.text import TextConfig

GOOD = {
    "sentiment.train.0": b"bad food .\nbad place .\nnever again .\n",
    "sentiment.train.1": b"good food .\ngood place .\nlovely staff .\n",
    "sentiment.dev.0": b"slow .\n",
    "sentiment.dev.1": b"quick .\n",
    "sentiment.test.0": b"cold .\nstale .\n",
    "sentiment.test.1": b"warm .\n",
    "reference.0": b"warm .\nfresh .\n",
    "reference.1": b"cold .\n",
}


def load(tmp_path: Path, changes: dict[str, bytes | None] | None = None, **settings: Any) -> Corpus:
    """Load GOOD with some files changed (None: taken away)."""
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    for name, content in {**GOOD, **(changes or {})}.items():
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)
    return load_corpus(DataConfig(path=str(folder), **settings), TextConfig(), tmp_path / "cache")


def load_table(tmp_path: Path, name: str, content: bytes, **settings: Any) -> Corpus:
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    sources: dict[str, SourceName] = {"jsonl": "jsonl", "csv": "csv", "tsv": "csv", "parquet": "parquet"}
    return load_corpus(
        DataConfig(source=sources[name.split(".")[1]], path=str(folder), **settings),
        TextConfig(),
        tmp_path / "cache",
    )


def nothing_left(tmp_path: Path) -> bool:
    return not list((tmp_path / "cache").glob("*"))


# ---- errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sentiment.train.0": b""}, r"data/sentiment\.train\.0: holds no sentence"),
        ({"sentiment.dev.0": b"\n \n\t\r\n"}, r"data/sentiment\.dev\.0: holds no sentence"),
        ({"sentiment.test.1": b"", "reference.1": b""}, r"data/sentiment\.test\.1: holds no sentence"),
        ({"sentiment.dev.1": None}, r"sentiment\.train\.1 is there, but dev has no file of label '1'"),
        ({"sentiment.train.2": b"a\n"}, r"sentiment\.train\.2 is there, but test has no file of label '2'"),
        ({"sentiment.dev.2": b"a\n"}, r"sentiment\.dev\.2 is there, but test has no file of label '2'"),
        (
            {"sentiment.train.0": b"ok .\ngood caf\xe9 .\n"},
            r"train\.0:2: byte 9 \(0xe9\) is not UTF-8; .*iconv",
        ),
        ({"sentiment.train.0": "hm\n".encode("utf-16")}, r"train\.0:1: .*UTF-16"),
        ({"sentiment.train.1": b"a\nb\nc\0d\n"}, r"train\.1:3: byte 2 is NUL"),
        ({"sentiment.train.1": b"a\n" + b"x" * 20_001}, r"train\.1:2: 20001 characters .*max_line_chars"),
        ({"sentiment.train.1": b"a\n" + b"x" * 200_000}, r"train\.1:2: over 20000 characters"),
        ({"reference.0": b"one\n"}, r"reference\.0: 1 lines, but .*sentiment\.test\.0 has 2"),
        ({"reference.1.4": b"a\nb\n"}, r"reference\.1\.4: 2 lines, but .*sentiment\.test\.1 has 1"),
        ({"reference.1": b"\xff\n"}, r"reference\.1:1: byte 1 \(0xff\) is not UTF-8"),
        (
            {"sentiment.train.0": None, "sentiment.train.1": None},
            r"no file sentiment\.train\.LABEL.*download yelp",
        ),
    ],
)
def test_bad_files(tmp_path: Path, changes: dict[str, bytes | None], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(tmp_path, changes)
    assert nothing_left(tmp_path)


def test_one_label_only(tmp_path: Path) -> None:
    changes: dict[str, bytes | None] = {name: None for name in GOOD if name.endswith(".1")}
    with pytest.raises(UserError, match=r"sentiment\.train\.0: is the only label of train"):
        load(tmp_path, changes)
    with pytest.raises(UserError, match=r"data: train has only the label 'a'; a style needs another"):
        load_table(tmp_path, "train.csv", b"text,label\nx,a\ny,a\n")
    assert nothing_left(tmp_path)


def test_missing_folder_and_wrong_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: no such folder\. .*`textvae data download yelp`.*--data\.path"):
        load_corpus(DataConfig(path=str(tmp_path / "nowhere")), TextConfig(), tmp_path / "cache")
    with pytest.raises(UserError, match=r"There is sentiment: choose with --data\.name"):
        load(tmp_path, name="politeness")
    with pytest.raises(UserError) as caught:
        load_corpus(DataConfig(path=str(tmp_path / "nowhere"), name="politeness"), TextConfig(), tmp_path)
    assert "download" not in str(caught.value)


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "data" / "sentiment.train.2").mkdir(parents=True)
    with pytest.raises(UserError, match=r"sentiment\.train\.2: cannot be read"):
        load(tmp_path, {"sentiment.dev.2": b"a\n", "sentiment.test.2": b"a\n"})


def test_labels_must_be_in_the_mapping(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sentiment\.test\.1:1: label '1' is not in data\.labels \('0', '2'\)"):
        load(tmp_path, labels={"0": "negative", "2": "positive"})
    with pytest.raises(UserError, match=r"no sentence of label 'neutral' is left in train, though data\.labels"):
        load(tmp_path, labels={"0": "negative", "1": "positive", "2": "neutral"})
    assert nothing_left(tmp_path)


def test_labels_that_differ_between_splits_of_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "dev.csv").write_text("text,label\nx,a\ny,c\n")
    with pytest.raises(UserError, match="label 'b' is in train but not in dev; every split needs every label"):
        load_table(tmp_path, "train.csv", b"text,label\nu,a\nv,b\n")
    assert nothing_left(tmp_path)


def test_a_label_that_loses_all_its_sentences(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"label '0' is left in train: 1 sentences over .*sentiment\.train\.0:1"):
        load(tmp_path, {"sentiment.train.0": b"one two three four\n"}, max_tokens=3)
    with pytest.raises(UserError, match=r"label '0' is left in train: 2 sentences also in dev or test"):
        load(tmp_path, {"sentiment.train.0": b"slow .\ncold .\n"})
    assert nothing_left(tmp_path)


BIG = b'{"text": "%s", "label": 0}\n' % (b"x" * 20_001)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.jsonl", b'{"text": "a", "label": 1}\n{"text": "b"', r"train\.jsonl:2: broken JSON"),
        ("train.jsonl", b'[{"text": "a", "label": 1}]', r"train\.jsonl:1: holds a JSON list"),
        ("train.jsonl", b"[" * 100_000, r"train\.jsonl:1: broken JSON"),
        ("train.jsonl", b'{"text": "a", "label": 1' + b"0" * 5000 + b"}", r"train\.jsonl:1: broken JSON"),
        ("train.jsonl", b'{"sentence": "a", "label": 1}\n',
         r"train\.jsonl:1: no column 'text'; the columns are 'sentence', 'label'. Choose with --data\.te"),
        ("train.jsonl", b'\n{"text": ["a"], "label": 1}', r":2: column 'text' holds list \['a'\], expect"),
        ("train.jsonl", b'{"text": "a", "label": 1.5}', r":1: column 'label' holds float 1\.5, expect"),
        ("train.jsonl", b'{"text": "a", "label": null}\n', r"jsonl:1: column 'label' holds nothing"),
        ("train.jsonl", b'{"text": "a", "label": " "}\n', r"jsonl:1: the label is ''"),
        ("train.jsonl", b'{"text": "a", "label": "x\\ny"}\n', r"jsonl:1: the label is 'x\\ny'"),
        ("train.jsonl", b'{"text": "a\\u0000", "label": 1}\n', r"jsonl:1: character 2 is NUL"),
        ("train.jsonl", b'{"text": "a\\ud800", "label": 1}\n', r"jsonl:1: U\+D800 is half of a character"),
        ("train.jsonl", b'{"text": "a", "label": "\\ud800"}\n', r"jsonl:1: U\+D800 is half of a character"),
        ("train.jsonl", BIG, r"jsonl:1: 20001 characters"),
        ("train.jsonl", b"", r"train\.jsonl: holds no sentence"),
        ("train.csv", b"", r"train\.csv: holds no sentence"),
        ("train.csv", b"text,label\n", r"train\.csv: holds no sentence"),
        ("train.csv", b"words,label\na,b\n", r"train\.csv:1: no column 'text'; the columns are 'words', "),
        ("train.csv", b"text,text,label\n", r"train\.csv:1: more than one column 'text'"),
        ("train.csv", b'text,label\n"a\nb",x\nc,d,e\n', r"train\.csv:4: 3 fields, but the header names 2; "),
        ("train.csv", b'text,label\na,x\n"b,y\nc,z\n', r"train\.csv:3: broken csv"),
        ("train.csv", b'text,label\na,x\n"b"b,y\n', r"train\.csv:3: broken csv"),
        ("train.tsv", b"text\tlabel\na b\n", r"train\.tsv:2: 1 fields, but the header names 2"),
        ("train.csv", b"text,label\na,\xff\n", r"train\.csv:2: byte 3 \(0xff\) is not UTF-8"),
        ("train.parquet", b"PAR1 or not", r"train\.parquet: no readable parquet file"),
        ("train.parquet", b"", r"train\.parquet: no readable parquet file"),
        ("prain.csv", b"text,label\na,b\n", r"data: no training file \(train\.csv\)"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_table(tmp_path, name, content)
    assert nothing_left(tmp_path)


def test_bad_parquet_columns(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(**columns: Any) -> bytes:
        pq.write_table(pa.table(columns), tmp_path / "made.parquet")
        return (tmp_path / "made.parquet").read_bytes()

    with pytest.raises(UserError, match=r"parquet: no column 'text'; the columns are 'a', 'label'"):
        load_table(tmp_path, "train.parquet", write(a=["x"], label=[0]))
    with pytest.raises(UserError, match=r"parquet: row 2: column 'text' holds int 7, expected text"):
        load_table(tmp_path, "train.parquet", write(text=[None, 7], label=[0, 1]))
    with pytest.raises(UserError, match=r"parquet: row 2: column 'label' holds nothing"):
        load_table(tmp_path, "train.parquet", write(text=["x", "y"], label=[0, None]))
    broken = pa.array([b"ok", b"\xff"], pa.binary()).view(pa.string())
    with pytest.raises(UserError, match=r"train\.parquet: no readable parquet file"):
        load_table(tmp_path, "train.parquet", write(text=broken, label=[0, 1]))
    whole = write(text=["a", "b", "c", "d"], label=[0, 1, 0, 1])
    with pytest.raises(UserError, match=r"train\.parquet: no readable parquet file"):
        load_table(tmp_path, "train.parquet", whole[:-20])
    load_table(tmp_path, "train.parquet", whole)


def test_too_many_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from textvae.data import staging

    monkeypatch.setattr(staging, "MAX_LABELS", 3)
    content = "text,label\n" + "".join(f"x {i},{i}\n" for i in range(4))
    with pytest.raises(UserError, match=r"train\.csv:5: over 3 different labels; is data\.label_column"):
        load_table(tmp_path, "train.csv", content.encode())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "xml"}, "choose one of files, jsonl"),
        ({"max_tokens": 0}, "data.max_tokens is 0"),
        ({"dev_fraction": 1.0}, "between 0 and 1"),
        ({"delimiter": "||"}, "one character"),
        ({"labels": {"0": "same", "1": "same"}}, "at least two different names"),
        ({"labels": {"0": "", "1": "same"}}, "none empty"),
        ({"train": "none"}, "there must be training sentences"),
        ({"dev": "*.jsonl"}, "is a pattern, but `files` reads"),
    ],
)
def test_contradictions_raise_at_construction(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DataConfig(**settings)


def test_every_field_is_documented() -> None:
    body = ast.parse(inspect.getsource(config.DataConfig)).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant), ast.unparse(field)


# ---- doubtful things, counted


def findings(corpus: Corpus) -> dict[tuple[str, str], tuple[int, str]]:
    return {(f.split, f.kind): (f.count, f.first) for f in corpus.report.findings}


def test_a_clean_corpus_has_no_findings(tmp_path: Path) -> None:
    assert load(tmp_path).report.findings == ()


def test_empty_lines_and_control_characters(tmp_path: Path) -> None:
    corpus = load(tmp_path, {"sentiment.train.1": b"a\n\n  \nb\x07c\nd\x1b[0m\ne\tf\n\xe2\x80\x8b\n"})
    assert findings(corpus) == {
        ("train", "empty"): (3, "sentiment.train.1:2"),
        ("train", "control_characters"): (2, "sentiment.train.1:4"),
    }
    assert [r["text"] for r in corpus.train if r["label"] == 1][:2] == ["a", "b c"]


def test_over_long_sentences(tmp_path: Path) -> None:
    long = b"one two three four five .\n"
    corpus = load(tmp_path, {"sentiment.train.0": b"a\n" + long, "sentiment.dev.0": long}, max_tokens=4)
    assert findings(corpus) == {
        ("train", "over_long_dropped"): (1, "sentiment.train.0:2"),
        ("dev", "over_long_cut"): (1, "sentiment.dev.0:1"),
    }
    assert corpus.dev[0] == {
        "text": "one two three four", "raw": "one two three four five .", "label": 0, "references": []
    }  # fmt: skip
    assert corpus.train["text"][:] == ["a", "good food .", "good place .", "lovely staff ."]
    assert (corpus.report.splits["train"].max_words, corpus.report.splits["dev"].max_words) == (3, 4)


def test_leaks_are_found_after_preparation(tmp_path: Path) -> None:
    changes: dict[str, bytes | None] = {
        "sentiment.train.0": b"bad food .\nSlow.\nnever .\n",
        "sentiment.train.1": b"good .\nnice .\nstale .\n",
    }
    corpus = load(tmp_path, changes)
    assert findings(corpus) == {("train", "leaked_dropped"): (2, "sentiment.train.0:2")}
    assert [row["text"] for row in corpus.train] == ["bad food .", "never .", "good .", "nice ."]
    kept = load(tmp_path, changes, drop_leaked=False)
    assert findings(kept) == {("train", "leaked_kept"): (2, "sentiment.train.0:2")}
    assert len(kept.train) == 6


def test_duplicates_and_two_labels(tmp_path: Path) -> None:
    corpus = load(
        tmp_path,
        {
            "sentiment.train.0": b"a b\nx\nA  b\nx\nx\n",
            "sentiment.train.1": b"c\nx\na b\nc\n",
            "sentiment.dev.0": b"cold .\n",
        },
    )
    assert findings(corpus) == {
        ("train", "duplicates"): (4, "sentiment.train.0:3"),
        ("train", "two_labels"): (2, "sentiment.train.1:2"),
        ("dev", "dev_in_test"): (1, "sentiment.dev.0:1"),
    }
    assert len(corpus.train) == 9


def test_imbalance(tmp_path: Path) -> None:
    lines = "".join(f"line {i}\n" for i in range(16)).encode()
    assert findings(load(tmp_path, {"sentiment.train.0": lines})) == {("train", "imbalance"): (1, "1: 3 against 16")}
    assert not findings(load(tmp_path, {"sentiment.train.0": lines[: lines.index(b"line 15")]}))


def test_report_for_people_and_machines(tmp_path: Path) -> None:
    corpus = load(tmp_path, {"sentiment.train.1": b"a\n\nb c\n"}, labels={"0": "negative", "1": "positive"})
    assert corpus.report.lines() == [
        "train: 5 sentences (negative 3, positive 2), 2.4 words on average, 3 at most",
        "dev: 2 sentences (negative 1, positive 1), 2.0 words on average, 2 at most",
        "test: 3 sentences (negative 2, positive 1), 2.0 words on average, 2 at most, 3 references",
        "  train: 1 empty lines skipped (first: sentiment.train.1:2)",
    ]
    assert DataReport.from_dict(json.loads(json.dumps(corpus.report.to_dict()))) == corpus.report
    assert str(tmp_path) not in json.dumps(corpus.report.to_dict())
    with pytest.raises(KeyError):
        corpus.report.count("typo")


# ---- what is held out


def _train(seed: int, size: int = 400) -> dict[str, bytes | None]:
    lines = [f"sentence number {i} .\n" for i in range(size)]
    files: dict[str, bytes | None] = {}
    for label, chosen in (("0", lines[: size // 4]), ("1", lines[size // 4 :])):
        random.Random(seed).shuffle(chosen)
        files[f"sentiment.train.{label}"] = "".join(chosen).encode()
        files[f"sentiment.dev.{label}"] = None
    return files


def test_held_out_dev_is_stratified_and_independent_of_order(tmp_path: Path) -> None:
    first, second = (load(tmp_path, _train(seed), dev_fraction=0.1) for seed in (0, 1))
    assert first.fingerprint != second.fingerprint
    assert sorted(first.dev["text"]) == sorted(second.dev["text"])
    assert first.report.held_out and first.report.splits["dev"].sentences == {"0": 10, "1": 30}
    assert not set(first.dev["text"]) & set(first.train["text"])
    assert len(first.train) == 360
    numbers = np.array([int(text.split()[2]) for text in first.dev["text"]])
    assert numbers[numbers >= 100].std() > 50, "a fair draw is spread over the file"
    assert load(tmp_path, _train(0), dev_fraction=0.5, dev_max=8).report.splits["dev"].total == 8


def test_repeats_of_held_out_sentences_leave_train(tmp_path: Path) -> None:
    files = {**_train(0, 8), "sentiment.train.0": b"a\nb\n" * 50}
    corpus = load(tmp_path, files, dev_fraction=0.5)
    assert sorted(row["text"] for row in corpus.dev if row["label"] == 0) in (["a"], ["b"])
    assert corpus.report.count("leaked_dropped") == 49
    assert not set(corpus.dev["text"]) & set(corpus.train["text"])


def test_too_few_to_hold_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sentiment\.train\.0:1: its label has 1 different sentences left"):
        load(tmp_path, {**_train(0), "sentiment.train.0": b"a\na\n"})
    assert nothing_left(tmp_path)


# ---- the arrays against plain Python


@pytest.mark.parametrize("seed", range(20))
def test_counts_equal_those_of_plain_python(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 12, 30).astype(np.uint64) * np.uint64(2**60)
    labels = rng.integers(0, 3, 30)
    columns = Columns(hashes, labels, np.ones(30, np.int32), str)
    kept = np.flatnonzero(rng.random(30) < 0.8)
    tally = Tally()
    checks.count_repeats("train", columns, kept, tally)
    seen: set[tuple[int, int]] = set()
    repeats = []
    for row in kept:
        if (int(hashes[row]), int(labels[row])) in seen:
            repeats.append(row)
        seen.add((int(hashes[row]), int(labels[row])))
    several = {h for h, _ in seen if len({label for g, label in seen if g == h}) > 1}
    found = {f.kind: f for f in tally.findings()}
    assert (found["duplicates"].count if repeats else 0) == len(repeats)
    assert not repeats or found["duplicates"].first == str(min(repeats))
    assert (found["two_labels"].count if several else 0) == len(several)
    queries = rng.integers(0, 30, 50).astype(np.uint64) * np.uint64(2**59)
    assert checks.contains(hashes, queries).tolist() == [q in set(hashes.tolist()) for q in queries.tolist()]
