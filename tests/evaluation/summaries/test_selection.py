"""Choosing checkpoints without references: what a person would prefer scores higher."""

from __future__ import annotations

import numpy as np
import pytest

from textvae.errors import UserError
from textvae.evaluation.summaries.config import SummarySelectionConfig
from textvae.evaluation.summaries.lead import leads
from textvae.evaluation.summaries.selection import SummaryDevScore, length_factor
from textvae.evaluation.summaries.symptoms import shuffled, swapped
from textvae.inference.kneser_ney import KneserNey

from .news import CODES, make_news

TRAIN = make_news(500)
DEV = make_news(100, seed=1)


@pytest.fixture(scope="module")
def dev_score() -> SummaryDevScore:
    return SummaryDevScore.fit(TRAIN.documents, TRAIN.texts, DEV.documents, DEV.texts)


@pytest.mark.parametrize(
    "kind", ["code " + name for name in sorted(CODES)] + ["empty", "lead", "others", "shuffled", "whole"]
)
def test_the_true_summaries_score_higher_than(kind: str, dev_score: SummaryDevScore) -> None:
    worse = {
        "empty": [""] * len(DEV.documents),
        "lead": leads(DEV.documents, 7),
        "others": swapped(DEV.summaries),
        "shuffled": shuffled(DEV.summaries),
        "whole": DEV.documents,
    } | {f"code {name}": [code(text) for text in DEV.summaries] for name, code in CODES.items()}
    assert dev_score(worse[kind]).score < 0.8 * dev_score(DEV.summaries).score


def test_a_slightly_damaged_summary_lies_between(dev_score: SummaryDevScore) -> None:
    """Half of the summaries lose their place, half are right."""
    half = [text if row % 2 else swapped(DEV.summaries)[row] for row, text in enumerate(DEV.summaries)]
    scores = [dev_score(texts).score for texts in (swapped(DEV.summaries), half, DEV.summaries)]
    assert scores == sorted(scores) and scores[0] == 0


def test_the_score_is_the_product_of_its_factors(dev_score: SummaryDevScore) -> None:
    found = dev_score(leads(DEV.documents, 12))
    assert found.score == pytest.approx(found.reconstruction * found.fluency * found.length)
    assert 0 < found.reconstruction < 1 and 0 < found.fluency < 1 and 0 < found.length < 1
    assert found.fluency == pytest.approx(dev_score.human_perplexity / found.perplexity)


@pytest.mark.parametrize(("mean", "expected"), [(10, 1), (11, 1), (22, 0.5), (9.1, 1), (5, 0.55), (0, 0)])
def test_length_costs_nothing_within_the_slack(mean: float, expected: float) -> None:
    assert length_factor(mean, 10, 0.1) == pytest.approx(expected, abs=1e-6)


def test_a_wanted_length_takes_the_place_of_the_human_one(dev_score: SummaryDevScore) -> None:
    assert dev_score.words == pytest.approx(sum(len(text.split()) for text in DEV.texts) / len(DEV.texts))
    model = KneserNey().fit(TRAIN.texts)
    config = SummarySelectionConfig(words=14)
    longer = SummaryDevScore(DEV.documents, DEV.texts, dev_score.reader, model, config)
    assert longer(DEV.summaries).length == pytest.approx(1.1 * dev_score(DEV.summaries).mean_length / 14)


def test_documents_are_drawn_once_and_alike() -> None:
    config = SummarySelectionConfig(max_documents=20, max_reader_documents=100)
    first, again = (
        SummaryDevScore.fit(iter(TRAIN.documents), iter(TRAIN.texts), iter(DEV.documents), DEV.texts, config)
        for _ in (0, 1)
    )
    assert first.documents == again.documents and len(first.documents) == 20
    told = leads(first.documents, 6)
    assert first(told) == again(told)


def test_text_without_spaces_is_read_by_characters() -> None:
    kinds = ["股市今日大幅上涨，分析师说。", "北京今天下雪了，气温下降。", "公司宣布裁员，工人抗议。"]
    documents = [kinds[i] for i in np.random.default_rng(0).integers(0, 3, 40)]
    texts = [text[:4] for text in documents]
    found = SummaryDevScore.fit(documents, texts, documents, texts)
    assert found.words == 4
    assert found(texts).score > 1.5 * found([text[::-1] for text in texts]).score


@pytest.mark.parametrize(("documents", "texts"), [(["a"], ["b"]), (["a", "b"], [])])
def test_too_little_to_choose_by_is_told(documents: list[str], texts: list[str], dev_score: SummaryDevScore) -> None:
    with pytest.raises(UserError, match="two dev documents"):
        SummaryDevScore(documents, texts, dev_score.reader, dev_score.language_model)


@pytest.mark.parametrize("wrong", [{"words": 0}, {"slack": -0.1}, {"max_documents": 1}], ids=str)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="selection"):
        SummarySelectionConfig(**wrong)  # type: ignore[arg-type]
