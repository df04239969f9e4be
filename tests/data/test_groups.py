"""Groups of sentences: read from every source, and batches that keep them together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import tiny_collator
from textvae.data.batch import Batch
from textvae.data.config import DataConfig
from textvae.data.loader import GroupLoader
from textvae.data.noise import NoiseConfig
from textvae.data.sources import Corpus, load_corpus
from textvae.data.staging import group_number
from textvae.data.tokenized import TokenizedCorpus, tokenize_corpus
from textvae.errors import UserError
from textvae.text import TextConfig

ROWS = [
    ("bad food .", "0", "food"),
    ("good food .", "1", "food"),
    ("bad place .", "0", "7"),
    ("never again .", "0", None),
    ("good place .", "1", 7),
    ("lovely staff .", "1", ""),
]


def write_jsonl(folder: Path) -> DataConfig:
    lines = [json.dumps({"text": text, "label": label, "who": group}) for text, label, group in ROWS]
    (folder / "train.jsonl").write_text("\n".join(lines))
    (folder / "dev.jsonl").write_text('{"text": "slow .", "label": "0"}\n{"text": "quick .", "label": "1"}\n')
    return DataConfig(source="jsonl", path=str(folder), group_column="who")


def write_files(folder: Path) -> DataConfig:
    for label in "01":
        chosen = [(text, group) for text, y, group in ROWS if y == label]
        (folder / f"sentiment.train.{label}").write_text("".join(f"{text}\n" for text, _ in chosen))
        (folder / f"sentiment.dev.{label}").write_text(f"slow {label} .\n")
        (folder / f"who.{label}").write_text("".join(f"{'' if g is None else g}\n" for _, g in chosen))
    return DataConfig(path=str(folder), group_column="who")


def load(config: DataConfig, tmp_path: Path) -> Corpus:
    return load_corpus(config, TextConfig(), tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


# ---------------------------------------------------------------------------------------------- sources
@pytest.mark.parametrize("write", [write_jsonl, write_files])
def test_the_group_of_every_training_sentence_is_read(write: Any, folder: Path, tmp_path: Path) -> None:
    corpus = load(write(folder), tmp_path)
    found = dict(zip(corpus.train["text"], corpus.train["group"], strict=True))
    expected = {text: group_number("" if group is None else str(group)) for text, _, group in ROWS}
    assert found == expected
    assert found["bad food ."] == found["good food ."] != found["bad place ."] == found["good place ."] > 0
    assert found["never again ."] == found["lovely staff ."] == 0
    assert set(corpus.dev["group"]) == {0}


def test_groups_go_with_their_sentences_when_some_are_left_out(folder: Path, tmp_path: Path) -> None:
    corpus = load(write_jsonl(folder), tmp_path)
    words = sorted({word for text in corpus.train["text"] for word in text.split()})

    def encode(texts: list[str]) -> list[list[int]]:
        return [[] if "never" in text else [5 + words.index(word) for word in text.split()] for text in texts]

    found = tokenize_corpus(corpus.train, encode, 9, tmp_path / "tokenized")
    assert found.groups is not None and found.dropped == 1
    wanted = [g for t, g in zip(corpus.train["text"], corpus.train["group"], strict=True) if "never" not in t]
    assert found.groups.tolist() == wanted


def test_without_the_option_there_are_no_groups(folder: Path, tmp_path: Path) -> None:
    write_files(folder)
    corpus = load(DataConfig(path=str(folder)), tmp_path)
    assert "group" not in corpus.train.column_names
    assert tokenize_corpus(corpus.train, lambda texts: [[5] for _ in texts], 9, tmp_path / "t").groups is None


def test_other_groups_are_other_data(folder: Path, tmp_path: Path) -> None:
    config = write_files(folder)
    first = load(config, tmp_path)
    (folder / "who.0").write_text("7\n7\n7\n")
    assert load(config, tmp_path).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"who\.0: no such file.*leave data.group_column out"),
        ("a\nb\n", r"who\.0: 2 lines, but .*sentiment\.train\.0 has 3"),
        ("a\n\n\nb\n", r"who\.0: 4 lines, but .*sentiment\.train\.0 has 3"),
    ],
)
def test_files_of_groups_that_do_not_fit(folder: Path, tmp_path: Path, content: str | None, message: str) -> None:
    config = write_files(folder)
    (folder / "who.0").unlink()
    if content is not None:
        (folder / "who.0").write_text(content)
    with pytest.raises(UserError, match=message):
        load(config, tmp_path)
    assert not list((tmp_path / "cache").glob("*"))


def test_columns_of_groups_that_do_not_fit(folder: Path, tmp_path: Path) -> None:
    config = write_jsonl(folder)
    config.group_column = "whom"
    with pytest.raises(UserError, match=r"train\.jsonl:1: no column 'whom'.*--data\.group_column"):
        load(config, tmp_path)
    (folder / "train.jsonl").write_text('{"text": "a", "label": "0", "who": 1.5}\n')
    with pytest.raises(UserError, match=r"train\.jsonl:1: column 'who' holds float 1\.5, expected an id"):
        load(DataConfig(source="jsonl", path=str(folder), group_column="who"), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"source": "lines", "group_column": "who"},
        {"source": "jsonl", "group_column": "text"},
        {"source": "jsonl", "label_columns": {"a": "stars", "b": "tense"}, "group_column": "stars"},
        {"group_column": "sentiment"},
        {"group_column": ""},
    ],
)
def test_options_that_name_no_groups(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"data\.group_column"):
        DataConfig(**settings)


# ---------------------------------------------------------------------------------------------- batches
def loader(groups: list[int], batch_size: int = 6, **options: Any) -> GroupLoader:
    """Sentence i is the word 100 + i, once to three times."""
    corpus = TokenizedCorpus.from_lists([[100 + i] * (1 + i % 3) for i in range(len(groups))], groups, groups)
    return GroupLoader(corpus, tiny_collator(options.pop("noise", None), 400), batch_size, **{"seed": 3, **options})


def numbers(batch: Batch) -> list[int]:
    return (batch.labels[:, 0] - 100).tolist()


some_groups = st.lists(st.integers(0, 6), min_size=1, max_size=50)


@given(some_groups, st.integers(1, 9), st.integers(2, 5), st.integers(0, 3))
def test_every_sentence_once_alone_and_once_in_its_group(
    groups: list[int], batch_size: int, members: int, epoch: int
) -> None:
    made = loader(groups, batch_size, members=members)
    batches = list(made.epoch(epoch))
    assert len(batches) == made.steps_per_epoch
    alone = [n for batch in batches if batch.group is None for n in numbers(batch)]
    assert sorted(alone) == list(range(len(groups)))
    together: list[int] = []
    for batch in (b for b in batches if b.group is not None):
        assert batch.group is not None
        for number in batch.group.unique().tolist():
            rows = (batch.group == number).nonzero()[:, 0]
            assert rows.tolist() == list(range(int(rows[0]), int(rows[-1]) + 1)), "members stand side by side"
            found = [numbers(batch)[row] for row in rows]
            assert len({groups[n] for n in found}) == 1 and groups[found[0]] != 0
            assert 2 <= len(found) <= members
            together += found
    assert len(together) == len(set(together))
    counts = {g: groups.count(g) for g in set(groups) - {0}}
    waiting = sum(n % members if n % members == 1 else 0 for n in counts.values())
    assert len(together) == sum(n for n in counts.values()) - waiting


@given(some_groups, st.integers(1, 9), st.integers(1, 5))
def test_a_group_is_never_divided(groups: list[int], batch_size: int, parts: int) -> None:
    for batch in loader(groups, batch_size).epoch(0):
        cuts = batch.cuts(parts)
        assert cuts[0] == 0 and cuts[-1] == len(batch) and cuts == sorted(set(cuts)) and len(cuts) <= parts + 1
        if batch.group is None:
            assert len(cuts) == min(parts, len(batch)) + 1
            continue
        assert len(cuts) == min(parts, len(batch.group.unique())) + 1
        for cut in cuts[1:-1]:
            assert batch.group[cut - 1] != batch.group[cut]


@given(some_groups, st.integers(3, 9), st.integers(2, 3))
def test_processes_share_the_batches_of_one(groups: list[int], batch_size: int, world: int) -> None:
    noise = NoiseConfig(drop=0.2, shuffle=2)
    shares = [loader(groups, batch_size, noise=noise, rank=r, world_size=world) for r in range(world)]
    for parts in zip(*(made.epoch(1) for made in shares), strict=True):
        seeds = {part.key.seed for part in parts if part.key}
        assert len(seeds) == 1 and all(len(part) for part in parts)
        assert parts[0].key is not None and parts[0].key.total_rows == sum(map(len, parts))
        if parts[0].group is not None:
            found = [set(part.group.tolist()) for part in parts if part.group is not None]
            assert not set.intersection(*found)
    assert [len(list(made.epoch(0))) for made in shares] == [shares[0].steps_per_epoch] * world


def test_groups_are_cut_anew_in_every_epoch_and_epochs_repeat() -> None:
    groups = [1] * 12 + [2, 2]

    def pairs(epoch: int) -> set[frozenset[int]]:
        found = set()
        for batch in loader(groups, members=2).epoch(epoch):
            if batch.group is not None:
                found |= {frozenset(np.array(numbers(batch))[batch.group == g]) for g in batch.group.unique()}
        return found

    assert pairs(0) == pairs(0) != pairs(1)
    assert all(frozenset((12, 13)) in pairs(epoch) for epoch in range(3))


def test_an_epoch_goes_on_where_it_stopped() -> None:
    made = loader([1, 1, 2, 2, 0, 0, 3, 3, 3, 1] * 3, noise=NoiseConfig(drop=0.3))
    whole, rest = list(made.epoch(2)), list(made.epoch(2, first=4))
    assert len(rest) == len(whole) - 4 > 0
    for a, b in zip(whole[4:], rest, strict=True):
        assert a.key == b.key and all(torch.equal(x, b.tensors()[n]) for n, x in a.tensors().items())
