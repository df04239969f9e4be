"""Models by name, of both kinds, with what lies beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from textvae.errors import UserError
from textvae.extras.demo.shelf import EXAMPLES, Shelf, StyleEntry, SummaryEntry


def test_runs_of_both_kinds_are_found_by_name(shelf: Shelf) -> None:
    assert shelf.names(StyleEntry) == ("style", "bare") and shelf.names(SummaryEntry) == ("short",)
    assert shelf.find("bare", StyleEntry).transfer.labels == ("negative", "positive", "mixed")


@pytest.mark.parametrize("name", ["short", "nothing", None, ["style"]])
def test_a_model_that_cannot_do_it_is_refused_with_those_that_can(shelf: Shelf, name: object) -> None:
    with pytest.raises(UserError, match="style, bare"):
        shelf.find(name, StyleEntry)


def test_what_lies_beside_a_model_is_known(shelf: Shelf, style: StyleEntry) -> None:
    bare = shelf.find("bare", StyleEntry)
    assert style.reranks and not bare.reranks
    assert bare.looks_back and not style.looks_back
    assert style.data is not None and bare.data is None and bare.why
    with pytest.raises(UserError, match="no map"):
        bare.atlas()


def test_examples_are_sentences_of_the_data_as_people_write_them(style: StyleEntry, runs: Path) -> None:
    found = style.examples()
    assert len(found) == EXAMPLES and all(text[0].isupper() for text in found)
    known = {line for path in (runs / "data").glob("*.dev.*") for line in path.read_text().splitlines()}
    assert set(found) <= {style.readable(line) for line in known}


def test_runs_of_one_name_are_told_apart(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "short", tmp_path / "short")
    shelf = Shelf.load([runs / "short", tmp_path / "short"], device="cpu")
    assert len(shelf.entries) == 2 and all(name.endswith("/short") for name in shelf.entries)


def test_all_runs_are_looked_for_before_one_is_loaded(runs: Path) -> None:
    told: list[str] = []
    with pytest.raises(UserError, match="missing"):
        Shelf.load([runs / "short", runs / "missing"], tell=told.append)
    assert told == []


def test_a_demo_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="no model"):
        Shelf.load([])
