"""The trained parts of an evaluation of summaries; cached by what they have learnt from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textvae.evaluation.instruments import P, cached
from textvae.evaluation.sampling import reservoir
from textvae.evaluation.summaries.config import SummaryEvaluationConfig
from textvae.evaluation.summaries.rare_words import RareWords
from textvae.evaluation.summaries.reader import StatisticalReader
from textvae.evaluation.summaries.tagger import DenoisingTagger
from textvae.inference.kneser_ney import KneserNey
from textvae.text import spaced

VERSION = 1
"""Raise it when a change of code changes what is trained: older caches are then left alone."""
HELD_OUT = 20


@dataclass(frozen=True)
class SummaryInstruments:
    """What learns from the two unpaired sides: human texts (the short ones) and documents. A part may be missing."""

    language_model: KneserNey | None = None
    human_texts: tuple[str, ...] = ()
    """Texts held out from the language model: the yardstick of perplexity and length."""
    reader: StatisticalReader | None = None
    rare: RareWords | None = None
    tagger: DenoisingTagger | None = None


def build_instruments(
    texts: Iterable[str],
    documents: Iterable[str],
    cache_dir: str | Path,
    config: SummaryEvaluationConfig | None = None,
) -> SummaryInstruments:
    """Load the trained parts from `cache_dir`; train and store those that are not there.

    Three minutes on a core for 90,000 texts, nearly all of it the tagger's.
    `texts` and `documents` are prepared strings of the training sides, never those of a test pair. Every twentieth text
    is held out. Either side may be empty: the parts that learn from it are then missing.
    """
    config = config or SummaryEvaluationConfig()
    human, foreign = (
        [spaced(text) for text in reservoir(side, config.max_texts, config.seed)] for side in (texts, documents)
    )
    held_out = tuple(human[::HELD_OUT])
    learnt = [text for row, text in enumerate(human) if row % HELD_OUT] or human
    digest = hashlib.sha256(json.dumps([human, foreign]).encode()).hexdigest()

    def part(name: str, settings: Any, load: Callable[[Path], P], fit: Callable[[], P]) -> P:
        key = hashlib.sha256(json.dumps([VERSION, digest, config.seed, name, settings]).encode()).hexdigest()[:16]
        return cached(Path(cache_dir) / f"{name}-{key}", load, fit)

    order, tagger = config.language_model_order, config.tagger
    return SummaryInstruments(
        part("summary_lm", order, KneserNey.load, lambda: KneserNey(order).fit(learnt)) if human else None,
        held_out,
        part("summary_reader", None, StatisticalReader.load, lambda: _fit_reader(foreign, config))
        if len(foreign) > 1
        else None,
        RareWords(foreign) if foreign else None,
        part(
            "summary_tagger", asdict(tagger), DenoisingTagger.load, lambda: DenoisingTagger(tagger).fit(human, foreign)
        )
        if human and foreign
        else None,
    )


def _fit_reader(documents: list[str], config: SummaryEvaluationConfig) -> StatisticalReader:
    chosen = reservoir(documents, config.max_reader_documents, config.seed)
    return StatisticalReader().fit_readable(chosen, seed=config.seed)
