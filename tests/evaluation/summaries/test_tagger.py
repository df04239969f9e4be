"""The denoising tagger: what the noise is, what is learnt from it, and how length is controlled."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.evaluation.summaries.config import TaggerConfig
from textvae.evaluation.summaries.lead import leads
from textvae.evaluation.summaries.piece_noise import PieceNoise
from textvae.evaluation.summaries.rouge import Rouge
from textvae.evaluation.summaries.tagger import DenoisingTagger, best_choice, pick

from .news import make_news

TRAIN = make_news(700)
TEST = make_news(80, seed=1)
SMALL = TaggerConfig(embedding_size=24, size=24, epochs=4, batch_size=32, min_count=1, lr=1e-2)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tagger() -> DenoisingTagger:
    return DenoisingTagger(SMALL).fit(TRAIN.texts, TRAIN.documents)


def test_it_finds_the_text_among_pieces_of_documents(tagger: DenoisingTagger) -> None:
    noise = PieceNoise([document.split() for document in TEST.documents], SMALL, ".")
    noised = [noise(text.split(), np.random.default_rng(row)) for row, text in enumerate(TEST.texts)]
    found = tagger.logits([" ".join(words) for words, _ in noised])
    hits = np.concatenate([(p > 0) == kept for p, (_, kept) in zip(found, noised, strict=True)])
    majority = np.concatenate([kept for _, kept in noised]).mean()
    assert hits.mean() > max(majority, 1 - majority) + 0.2


def test_it_beats_lead_at_equal_length(tagger: DenoisingTagger) -> None:
    rouge = Rouge(TEST.summaries)
    ours, theirs = (
        rouge.scores(texts).mean() for texts in (tagger.summarise(TEST.documents, 8), leads(TEST.documents, 8))
    )
    assert ours > theirs + 5


def test_words_keep_their_order(tagger: DenoisingTagger) -> None:
    for summary, document in zip(tagger.summarise(TEST.documents, 6), TEST.documents, strict=True):
        rest = iter(document.split())
        assert summary and all(word in rest for word in summary.split())


@pytest.mark.parametrize("words", [0, 3, 9])
def test_every_summary_has_the_words_asked_for(words: int, tagger: DenoisingTagger) -> None:
    assert {len(text.split()) for text in tagger.summarise(TEST.documents, words)} == {words}
    each = tagger.summarise(TEST.documents[:3], [2, 0, 5])
    assert [len(text.split()) for text in each] == [2, 0, 5]


def test_more_words_than_there_are_keep_everything(tagger: DenoisingTagger) -> None:
    assert tagger.summarise(["the mines in oslo", ""], 50) == ["the mines in oslo", ""]


LOGITS = st.lists(st.floats(-3, 3), max_size=9)


@given(LOGITS, st.integers(0, 10), st.sampled_from([0.0, 0.5, 2.0]))
def test_the_choice_is_the_best_of_all(logits: list[float], count: int, cost: float) -> None:
    """Against every choice there is."""

    def value(chosen: tuple[int, ...]) -> float:
        kept = [place in chosen for place in range(len(logits))]
        changes = sum(a != b for a, b in zip(kept, kept[1:], strict=False))
        return sum(logits[place] for place in chosen) - cost * changes

    found = best_choice(np.array(logits), count, cost)
    assert found.sum() == min(count, len(logits))
    best = max(map(value, combinations(range(len(logits)), int(found.sum()))))
    assert value(tuple(np.flatnonzero(found).tolist())) == pytest.approx(best, abs=1e-9)


def test_a_choice_worked_by_hand() -> None:
    """Without a cost the two highest; with one the neighbours, which need one change less."""
    logits = np.array([1.0, 0.9, -1.0, 1.5, 0.0])
    assert pick("a b c d e", logits, 2, 0.0) == "a d"
    assert pick("a b c d e", logits, 2, 1.0) == "a b"


def test_alone_as_among_others(tagger: DenoisingTagger) -> None:
    documents = [*TEST.documents[:20], "", "never seen words"]
    together = tagger.logits(documents)
    for document, found in zip(documents, together, strict=True):
        np.testing.assert_allclose(tagger.logits([document])[0], found, atol=1e-5)
        assert len(found) == len(document.split())


def test_the_same_seed_learns_the_same_and_leaves_the_generator_alone() -> None:
    config = TaggerConfig(embedding_size=8, size=8, epochs=1, batch_size=32, max_texts=100)
    torch.manual_seed(3)
    first = DenoisingTagger(config).fit(TRAIN.texts, TRAIN.documents).logits(TEST.documents)
    after = torch.rand(1)
    torch.manual_seed(4)
    again = DenoisingTagger(config).fit(TRAIN.texts, TRAIN.documents).logits(TEST.documents)
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(again))
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), after)


def test_what_is_saved_is_read_back(tagger: DenoisingTagger, tmp_path: Path) -> None:
    tagger.save(tmp_path)
    again = DenoisingTagger.load(tmp_path)
    assert again.config == tagger.config
    for found, expected in zip(*(t.logits(TEST.documents) for t in (again, tagger)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("texts", "documents"), [([], ["a"]), (["a"], []), ([""], ["a"])])
def test_an_empty_side_is_told(texts: list[str], documents: list[str]) -> None:
    with pytest.raises(UserError, match="empty"):
        DenoisingTagger(SMALL).fit(texts, documents)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"dropout": 1.0}, {"size": 0}, {"odds": (0, 0, 0)}, {"piece_words": (3, 2)}], ids=str
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="tagger"):
        TaggerConfig(**wrong)  # type: ignore[arg-type]
