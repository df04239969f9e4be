"""What a summary takes of its document, and how it orders candidates."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textvae.inference.phrases import kept_phrases, place_of_words
from textvae.inference.summarization import Summarizer, Summary, SummaryOptions

from .random_summarizer import DOCUMENTS, make_summarizer

words = st.lists(st.integers(0, 9), max_size=8)


def test_by_hand() -> None:
    document = [5, 6, 7, 8, 5, 9]
    assert kept_phrases(document, [5, 6, 9, 5]) == pytest.approx(1 / 3)
    assert kept_phrases(document, [6, 5]) == 0 and kept_phrases(document, [8, 5, 9]) == 1
    assert kept_phrases(document, [5]) == kept_phrases(document, []) == 0
    assert place_of_words(document, [5, 9, 1]) == pytest.approx((0 + 5) / 2 / 6)
    assert place_of_words(document, [1, 2]) == place_of_words([], [1]) == 1


@given(words, words)
def test_the_beginning_of_a_document_keeps_all_and_is_first(document: list[int], rest: list[int]) -> None:
    assert 0 <= kept_phrases(document, rest) <= 1 and 0 <= place_of_words(document, rest) <= 1
    lead = document[:4]
    assert kept_phrases(document, lead) == (1 if len(lead) > 1 else 0)
    if lead and len(set(document)) == len(document):
        others = [document[:n] for n in range(5, len(document) + 1)]
        assert all(place_of_words(document, lead) < place_of_words(document, other) for other in others)


def test_the_rank_adds_up() -> None:
    summary = Summary([7, 8], score=-6.0, length=3, reconstruction=-2.0, phrases=0.5, place=0.25)
    options = SummaryOptions(words=5, reconstruction=0.5, phrases=2.0, lead=4.0)
    assert summary.rank(options) == pytest.approx(-6.0 / 3 - 1.0 + 1.0 - 1.0)


@pytest.fixture(scope="module")
def summarizer(tmp_path_factory: pytest.TempPathFactory) -> Summarizer:
    torch.set_num_threads(1)
    return Summarizer.from_pretrained(make_summarizer(tmp_path_factory.mktemp("phrases") / "run"))


def phrases_of(source: list[str], text: str) -> float:
    return kept_phrases(source, text.split())


def earliness(source: list[str], text: str) -> float:
    return -place_of_words(source, text.split())


def test_weights_choose_among_the_beams(summarizer: Summarizer) -> None:
    changed = 0
    for document in DOCUMENTS[:12]:
        texts = [c.text for c in summarizer.candidates(document, words=6, beam=4, num_candidates=4, detokenise=False)]
        for option, value in (("phrases", phrases_of), ("lead", earliness)):
            chosen = summarizer(document, words=6, beam=4, detokenise=False, **{option: 1e6})
            assert chosen in texts
            if "<unk>" not in " ".join([document, *texts]):
                assert value(document.split(), chosen) == max(value(document.split(), text) for text in texts)
            changed += chosen != texts[0]
    assert changed, "the weights must matter somewhere"
