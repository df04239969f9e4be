"""The models that come with the package."""

from __future__ import annotations

import pytest

from textvae import Summarizer
from textvae.cli import main
from textvae.shipped import folder_of, shipped

LINE = (
    "a man has been jailed for six months after he drove a stolen car into the wall of a school in the north of the "
    "city , police said on monday ."
)


def test_they_are_there() -> None:
    assert shipped() == ["news", "reuters"]


@pytest.mark.parametrize("name", shipped())
def test_each_is_small_and_tells_where_it_comes_from(name: str) -> None:
    folder = folder_of(name)
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 25e6
    card = (folder / "best" / "README.md").read_text(encoding="utf-8")
    assert "## Data" in card and "sha256" in card and "## Limits" in card


@pytest.mark.parametrize("name", shipped())
def test_each_is_used_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    summarize = Summarizer.from_pretrained(name, device="cpu")
    stored = summarize.options()
    assert stored.choose_length and stored.min_words is not None and stored.words is not None
    found = summarize(LINE, detokenise=False).split()
    assert stored.min_words <= len(found) <= stored.words
    assert name != "news" or "jailed" in found
    assert len(summarize(LINE, words=6, detokenise=False).split()) <= 6


def test_an_unknown_name_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", "newz"]) == 2
    assert "news, reuters" in capsys.readouterr().err
