"""The models that come with the package."""

from __future__ import annotations

import pytest

from textvae import StyleTransfer, Summarizer
from textvae.cli import main
from textvae.inference.options import TransferOptions
from textvae.registry import folder_of, shipped

LINE = (
    "a man has been jailed for six months after he drove a stolen car into the wall of a school in the north of the "
    "city , police said on monday ."
)


SUMMARIZERS = ("news", "reuters")


def test_they_are_there() -> None:
    assert shipped() == sorted((*SUMMARIZERS, "yelp"))


@pytest.mark.parametrize("name", shipped())
def test_each_is_small_and_tells_where_it_comes_from(name: str) -> None:
    folder = folder_of(name)
    assert sum(path.stat().st_size for path in folder.rglob("*")) < (12e6 if name == "yelp" else 25e6)
    assert (folder / "best" / "model.safetensors").stat().st_size < (12e6 if name == "yelp" else 25e6)
    card = (folder / "best" / "README.md").read_text(encoding="utf-8")
    assert "## Data" in card and "sha256" in card and "## Limits" in card


def test_a_sentence_in_another_style_without_naming_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", "--to", "positive", "the food was bland", "--device", "cpu"]) == 0
    found = capsys.readouterr().out.split()
    assert found[:3] == ["the", "food", "was"] and "bland" not in found
    transfer = StyleTransfer.from_pretrained("yelp", device="cpu")
    assert transfer.settled(TransferOptions("positive")).rerank
    (best, *_) = transfer.candidates("the waiter was rude .", target="positive", num_candidates=3)
    assert best.score is not None and (best.style_probability or 0) > 0.5
    assert transfer("the waiter was rude .", target="positive", rerank=False)


@pytest.mark.parametrize("name", SUMMARIZERS)
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
    assert "news, reuters, yelp" in capsys.readouterr().err
