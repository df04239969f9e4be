"""Several attributes in the data: columns, words counted, names for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textvae.data.attributes import Attributes, labels_of, length_label, length_labels
from textvae.data.config import DataConfig
from textvae.data.sources import load_corpus
from textvae.data.tokenized import tokenize_corpus
from textvae.errors import UserError
from textvae.text import TextConfig

COLUMNS = {"sentiment": "stars", "tense": "tense"}
KNOWN = Attributes(("sentiment", "tense"), (("negative", "positive"), ("past", "present")))
WORDS = ("soup", "bread", "room", "bed", "waiter", "film", "hall", "lamp", "phone", "pool")


def rows(count: int = 40, start: int = 0) -> list[dict[str, Any]]:
    """Sentences of 3 to 5 words; the labels of every combination."""
    numbers = range(start, start + count)
    return [
        {
            "text": f"the {WORDS[i % 10]} {i}" + " now" * (i % 3),
            "stars": 1 + i % 2,
            "tense": ("past", "present")[i // 2 % 2],
        }
        for i in numbers
    ]


def write(folder: Path, kind: str, **splits: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, records in splits.items():
        path = folder / f"{split}.{kind}"
        if kind == "jsonl":
            path.write_text("".join(json.dumps(r) + "\n" for r in records))
        elif kind == "csv":
            path.write_text(
                "".join(",".join(map(str, r)) + "\n" for r in [list(records[0]), *(r.values() for r in records)])
            )
        else:
            pq.write_table(pa.Table.from_pylist(records), path)
    return folder


def load(folder: Path, source: str = "jsonl", **options: Any) -> Any:
    config = DataConfig(source=source, path=str(folder), **{"label_columns": COLUMNS, **options})  # type: ignore[arg-type]
    return load_corpus(config, TextConfig(), folder / "cache")


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_every_table_gives_a_label_of_each_attribute(tmp_path: Path, kind: str) -> None:
    folder = write(tmp_path, kind, train=rows(), dev=rows(8, 100), test=rows(8, 200))
    names = {"stars": {"1": "negative", "2": "positive"}}
    corpus = load(folder, kind, attribute_labels={"sentiment": names["stars"]})
    assert corpus.attributes == KNOWN
    assert corpus.labels == ("sentiment=negative", "sentiment=positive", "tense=past", "tense=present")
    by_text = {row["text"]: row for row in rows()}
    for row in corpus.train:
        source = by_text[row["text"]]
        assert row["label"] == [source["stars"] - 1, ("past", "present").index(source["tense"])]
    summary = corpus.report.splits["dev"]
    assert summary.sentences == dict.fromkeys(corpus.labels, 4) and summary.total == 8
    assert "8 sentences (sentiment=negative 4" in corpus.report.lines()[1]


def test_the_hub_gives_them_too(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["past", "present"])
    features = datasets.Features({"text": datasets.Value("string"), "stars": datasets.Value("int64"), "tense": names})
    data = datasets.Dataset.from_list(rows(), features=features)
    datasets.DatasetDict({"train": data, "dev": data.select(range(8))}).save_to_disk(tmp_path / "d")
    corpus = load(tmp_path / "d", "hub", drop_leaked=False)
    assert corpus.attributes.by_name() == {"sentiment": ("1", "2"), "tense": ("past", "present")}
    assert [tuple(label) for label in corpus.dev["label"]] == [(i % 2, i // 2 % 2) for i in range(8)]


def test_held_out_sentences_have_every_combination(tmp_path: Path) -> None:
    rare = {"text": "the only one of its kind", "stars": 3, "tense": "past"}
    extra = [{**row, "stars": 3, "tense": "present"} for row in rows(20, 300)]
    corpus = load(write(tmp_path, "jsonl", train=[*rows(80), rare, *extra]), dev_fraction=0.2)
    combinations = [tuple(label) for label in corpus.dev["label"]]
    assert {x: combinations.count(x) for x in set(combinations)} == {(s, t): 4 for s in (0, 1) for t in (0, 1)} | {
        (2, 1): 4
    }
    assert (2, 0) in {tuple(label) for label in corpus.train["label"]}, "a rare combination stays in train"


def test_words_can_be_counted(tmp_path: Path) -> None:
    folder = write(tmp_path, "jsonl", train=rows(), dev=rows(9, 99))
    corpus = load(folder, label_columns=None, label_column="tense", length_bins=[3, 4])
    assert corpus.attributes.by_name() == {"style": ("past", "present"), "length": ("1-3", "4-4", "5+")}
    for row in corpus.train:
        assert row["label"][1] == len(row["text"].split()) - 3
    assert length_labels([6, 10]) == ["1-6", "7-10", "11+"]
    assert [length_label(n, [6, 10]) for n in (1, 6, 7, 10, 11, 90)] == ["1-6", "1-6", "7-10", "7-10", "11+", "11+"]


def test_files_by_label_can_have_a_length(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        for label in (0, 1):
            lines = [f"{WORDS[i % 10]} {split} {label}" + " very" * (i % 2) + " good" * (i // 2) for i in range(12)]
            (tmp_path / f"sentiment.{split}.{label}").write_text("\n".join(lines))
    config = DataConfig(path=str(tmp_path), length_bins=[4], labels={"0": "negative", "1": "positive"})
    corpus = load_corpus(config, TextConfig(), tmp_path / "cache")
    assert corpus.attributes.by_name() == {"style": ("negative", "positive"), "length": ("1-4", "5+")}


def test_token_ids_keep_the_labels_of_every_attribute(tmp_path: Path) -> None:
    corpus = load(write(tmp_path, "jsonl", train=rows(), dev=rows(8, 100)))
    tokenized = tokenize_corpus(corpus.train, lambda texts: [[7] * len(t.split()) for t in texts], 4, tmp_path / "ids")
    expected = [
        label for text, label in zip(corpus.train["text"], corpus.train["label"], strict=True) if len(text.split()) < 5
    ]
    assert tokenized.labels.tolist() == expected and tokenized.labels.shape == (len(expected), 2)


def test_other_labels_of_the_same_sentences_are_another_corpus(tmp_path: Path) -> None:
    """Token ids are cached with their labels; the sources alone do not tell which labels those are."""
    folder = write(tmp_path, "jsonl", train=rows(), dev=rows(8, 100))
    both, one = load(folder), load(folder, label_columns=None, label_column="tense")
    swapped = load(folder, label_columns=dict(reversed(COLUMNS.items())))
    assert both.fingerprint == one.fingerprint == swapped.fingerprint
    assert len({both.key, one.key, swapped.key, load(folder, drop_leaked=False).key}) == 4
    assert load(folder).key == both.key


# ---- what is wrong
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tense": None}, r"train\.jsonl:1: column 'tense' holds nothing, expected a label"),
        ({"tense": "future"}, "label 'tense=future' is in train but not in dev"),
        ({"tense": ""}, r"train\.jsonl:1: the label is ''"),
    ],
)
def test_a_bad_label_is_told_with_its_place(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    records = rows()
    records[0] |= change
    with pytest.raises(UserError, match=message):
        load(write(tmp_path, "jsonl", train=records, dev=rows(8, 100)))


def test_an_attribute_with_one_label_is_refused(tmp_path: Path) -> None:
    records = [{**row, "tense": "past"} for row in rows()]
    with pytest.raises(UserError, match="only the label 'tense=past'"):
        load(write(tmp_path, "jsonl", train=records, dev=records[:8]))


def test_a_label_without_a_name_and_a_missing_column_are_told(tmp_path: Path) -> None:
    folder = write(tmp_path, "jsonl", train=rows(), dev=rows(8, 100))
    names = {"sentiment": {"1": "negative", "5": "positive"}}
    with pytest.raises(UserError, match=r"jsonl:2: label '2' is not in data\.attribute_labels\.sentiment"):
        load(folder, attribute_labels=names)
    with pytest.raises(UserError, match=r"no column 'mood'.*data\.label_columns"):
        load(folder, label_columns={"sentiment": "stars", "mood": "mood"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "files", "label_columns": COLUMNS}, "source with columns"),
        ({"labels": {"1": "a", "2": "b"}, "label_columns": COLUMNS}, "attribute_labels"),
        ({"attribute_labels": {"tense": {"a": "b", "c": "d"}}}, "data.labels"),
        ({"attribute_labels": {"mood": {"a": "b", "c": "d"}}, "label_columns": COLUMNS}, "no attribute 'mood'"),
        ({"attribute_labels": {"tense": {"a": "b"}}, "label_columns": COLUMNS}, "attribute_labels.tense"),
        ({"label_columns": {"a=b": "x", "c": "y"}}, "different names"),
        ({"label_columns": {"all": "x", "c": "y"}}, "different names"),
        ({"label_columns": {"length": "x", "c": "y"}, "length_bins": [5]}, "different names"),
        ({"label_columns": {}}, "different names"),
        ({"length_bins": [6, 6]}, "length_bins"),
        ({"length_bins": []}, "length_bins"),
    ],
)
def test_contradictions_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DataConfig(**{"source": "jsonl", **options})


# ---- names for people
def test_targets_are_found_by_name() -> None:
    assert KNOWN.find("past") == (1, 0) and KNOWN.find("sentiment=positive") == (0, 1)
    assert KNOWN.choose("past") == {1: 0}
    assert KNOWN.choose(["tense=past", "positive"]) == {1: 0, 0: 1}
    assert KNOWN.choose({"tense": "present"}) == {1: 1}
    one = Attributes.of(["a", "b=c"])
    assert one.choose("b=c") == {0: 1} and str(one) == "a, b=c" and one.label_names == ("a", "b=c")
    same = Attributes(("x", "y"), (("no", "yes"), ("no", "maybe")))
    assert same.find("maybe") == (1, 1)
    with pytest.raises(UserError, match="x=no or y=no"):
        same.find("no")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("future", "knows: sentiment=negative, sentiment=positive, tense=past, tense=present"),
        ("tense=future", "tense has no label 'future'; it knows: past, present"),
        ("mood=good", "unknown attribute 'mood'"),
        ({"mood": "good"}, "unknown attribute 'mood'"),
        (["past", "tense=present"], "two labels of tense"),
    ],
)
def test_unknown_names_are_told_with_the_known_ones(target: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        KNOWN.choose(target)


def test_labels_of_one_attribute() -> None:
    for rows_ in ([[0, 1], [2, 0]], np.array([[0, 1], [2, 0]])):
        assert list(labels_of(rows_, 0)) == [0, 2] and list(labels_of(rows_, 1)) == [1, 0]
    for rows_ in ([0, 2], np.array([0, 2])):
        assert list(labels_of(rows_, 0)) == [0, 2]
