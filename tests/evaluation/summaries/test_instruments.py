"""Instruments: trained once, kept by what they have learnt from, with texts held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textvae.evaluation.summaries.config import SummaryEvaluationConfig, TaggerConfig
from textvae.evaluation.summaries.instruments import HELD_OUT, build_instruments
from textvae.inference.kneser_ney import KneserNey

from .news import make_news

NEWS = make_news(100)
CONFIG = SummaryEvaluationConfig(tagger=TaggerConfig(embedding_size=4, size=4, epochs=1))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_second_time_nothing_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_instruments(iter(NEWS.texts), iter(NEWS.documents), tmp_path, CONFIG)
    assert [name.split("-")[0] for name in names(tmp_path)] == ["summary_lm", "summary_reader", "summary_tagger"]
    monkeypatch.setattr("textvae.inference.kneser_ney.KneserNey.fit", None)
    monkeypatch.setattr("textvae.evaluation.summaries.reader.StatisticalReader.fit", None)
    monkeypatch.setattr("textvae.evaluation.summaries.tagger.DenoisingTagger.fit", None)
    again = build_instruments(NEWS.texts, NEWS.documents, tmp_path, CONFIG)
    assert first.language_model and first.tagger and first.reader
    assert again.language_model and again.tagger and again.reader
    told, documents = NEWS.summaries, NEWS.documents
    assert again.language_model.perplexity(told) == first.language_model.perplexity(told)
    assert again.tagger.summarise(documents, 6) == first.tagger.summarise(documents, 6)
    assert (again.reader.nll(told, documents) == first.reader.nll(told, documents)).all()


def test_other_data_are_learnt_anew(tmp_path: Path) -> None:
    build_instruments(NEWS.texts, NEWS.documents, tmp_path, CONFIG)
    before = names(tmp_path)
    build_instruments([*NEWS.texts[1:], "another text ."], NEWS.documents, tmp_path, CONFIG)
    assert len(names(tmp_path)) == 2 * len(before)


def test_every_twentieth_text_is_held_out_from_the_language_model(tmp_path: Path) -> None:
    found = build_instruments(NEWS.texts, [], tmp_path, CONFIG)
    assert list(found.human_texts) == NEWS.texts[::HELD_OUT]
    assert found.language_model is not None
    learnt = KneserNey(3).fit(text for row, text in enumerate(NEWS.texts) if row % HELD_OUT)
    assert found.language_model.perplexity(NEWS.summaries) == learnt.perplexity(NEWS.summaries)


def test_what_an_absent_side_would_teach_is_missing(tmp_path: Path) -> None:
    texts_only = build_instruments(NEWS.texts, [], tmp_path, CONFIG)
    assert texts_only.reader is None and texts_only.rare is None and texts_only.tagger is None
    documents_only = build_instruments([], NEWS.documents, tmp_path, CONFIG)
    assert documents_only.language_model is None and documents_only.tagger is None
    assert documents_only.reader is not None and documents_only.rare is not None
