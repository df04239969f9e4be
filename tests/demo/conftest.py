"""Shelves with random models of both kinds: what they write is nonsense, but everything around it shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.demo.serving import served
from tests.inference.random_run import LABELS, SENTENCES, make_run
from tests.inference.random_scorers import make_scorers
from tests.inference.random_summarizer import make_summarizer
from textvae.extras.demo.answers import Answers
from textvae.extras.demo.limits import Limits
from textvae.extras.demo.shelf import Shelf, StyleEntry, SummaryEntry


def give_data(run: Path, folder: Path) -> Path:
    """Write sentences of every label, and a configuration that names them; returns the run."""
    folder.mkdir()
    for place, label in enumerate(LABELS):
        for split, rows in (("train", SENTENCES[place:90:3]), ("dev", SENTENCES[90 + place : 180 : 3])):
            (folder / f"reviews.{split}.{label}").write_text("".join(f"{row}\n" for row in rows))
    config = yaml.safe_load((run / "config.yaml").read_text())
    data: dict[str, Any] = {"source": "files", "path": str(folder), "name": "reviews"}
    data["labels"] = {label: label for label in LABELS}  # in the order of the model
    config |= {"data": data, "cache": str(folder / "cache")}
    (run / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return run


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs: `style` has data and scorers, `bare` neither, `short` is a summarizer."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("demo")
    make_scorers(give_data(make_run(folder / "style"), folder / "data"))
    make_run(folder / "bare", memory="pooled")
    make_summarizer(folder / "short")
    return folder


@pytest.fixture(scope="session")
def shelf(runs: Path) -> Shelf:
    return Shelf.load([runs / name for name in ("style", "bare", "short")], device="cpu", precision="fp32")


@pytest.fixture(scope="session")
def style(shelf: Shelf) -> StyleEntry:
    return shelf.find("style", StyleEntry)


@pytest.fixture(scope="session")
def short(shelf: Shelf) -> SummaryEntry:
    return shelf.find("short", SummaryEntry)


@pytest.fixture(scope="session")
def served_page(shelf: Shelf) -> Iterator[str]:
    """The address of a page with all three models."""
    pytest.importorskip("gradio")
    with served(Answers(shelf, Limits(characters=300, rate=10_000))) as url:
        yield url


@pytest.fixture
def answers(shelf: Shelf) -> Answers:
    return Answers(shelf, Limits(characters=300, rate=1000))
