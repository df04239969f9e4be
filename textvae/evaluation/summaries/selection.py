"""A score of summaries of unlabelled dev documents to choose checkpoints by: no reference is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from textvae.errors import UserError
from textvae.evaluation.sampling import reservoir
from textvae.evaluation.summaries.config import SummarySelectionConfig
from textvae.evaluation.summaries.lead import word_count
from textvae.evaluation.summaries.reader import StatisticalReader
from textvae.evaluation.summaries.symptoms import ReconstructNll, swapped
from textvae.inference.kneser_ney import KneserNey
from textvae.text import spaced


@dataclass(frozen=True)
class SummaryScore:
    """All but `mean_length` and `perplexity` in 0-1; `score` is what is compared, the rest says where it comes from."""

    score: float
    reconstruction: float
    """1 - (perplexity of a document word given its summary) / (given another's), under the reader."""
    fluency: float
    """min(1, perplexity of human texts / perplexity of the summaries), under the language model of human texts."""
    length: float
    """1 at the wanted mean length; wanted / mean or mean / wanted where it is too long or too short."""
    mean_length: float
    perplexity: float


class SummaryDevScore:
    """reconstruction · fluency · length of summaries of `documents`; 1,000 of them take a fifth of a second.

    It compares checkpoints of one training. Different methods it compares less well: LEAD cut where the language model
    likes it best scores almost as human summaries do.

    `reader` judges every checkpoint alike, so it must not be trained with the generator: a reconstructor that learns
    the generator's code would prefer the checkpoint with the best code. `reader.StatisticalReader` is one.
    """

    def __init__(
        self,
        documents: Sequence[str],
        human_texts: Sequence[str],
        reader: ReconstructNll,
        language_model: KneserNey,
        config: SummarySelectionConfig | None = None,
    ) -> None:
        """Prepared strings; `human_texts` are held out from the training of `language_model`.

        Texts of scripts without spaces are cut into characters (`spacing.spaced`) before anything sees them.
        """
        self.documents = [spaced(text) for text in documents]
        human_texts = [spaced(text) for text in human_texts]
        self.reader = reader
        self.language_model = language_model
        self.config = config or SummarySelectionConfig()
        if len(self.documents) < 2 or not human_texts:
            raise UserError("choosing checkpoints needs two dev documents and a dev text: give a larger dev part")
        self.human_perplexity = language_model.perplexity(human_texts)
        self.words = self.config.words or float(np.mean([word_count(text) for text in human_texts]))

    @classmethod
    def fit(
        cls,
        documents: Iterable[str],
        human_texts: Iterable[str],
        dev_documents: Iterable[str],
        dev_texts: Sequence[str],
        config: SummarySelectionConfig | None = None,
    ) -> SummaryDevScore:
        """Train reader and language model in one pass over the two training sides; draw the dev documents.

        The reader learns from at most `max_reader_documents` documents: half a minute for 20,000.
        """
        config = config or SummarySelectionConfig()
        drawn = reservoir(dev_documents, config.max_documents, config.seed)
        readable = [spaced(text) for text in reservoir(documents, config.max_reader_documents, config.seed)]
        reader = StatisticalReader().fit_readable(readable, seed=config.seed)
        return cls(drawn, dev_texts, reader.nll, KneserNey().fit(map(spaced, human_texts)), config)

    def __call__(self, summaries: Sequence[str]) -> SummaryScore:
        """Score prepared summaries, one for each of `self.documents`."""
        summaries = [spaced(text) for text in summaries]
        own = float(np.mean(self.reader(summaries, self.documents)))
        others = float(np.mean(self.reader(swapped(summaries), self.documents)))
        perplexity = self.language_model.perplexity(summaries)
        mean = float(np.mean([word_count(summary) for summary in summaries]))
        reconstruction = max(0.0, 1 - math.exp(own - others))
        fluency = min(1.0, self.human_perplexity / perplexity)
        length = length_factor(mean, self.words, self.config.slack)
        return SummaryScore(reconstruction * fluency * length, reconstruction, fluency, length, mean, perplexity)


def length_factor(mean: float, wanted: float, slack: float) -> float:
    """1 where mean / wanted is in [1 / (1 + slack), 1 + slack], otherwise how far it is outside, as a ratio below 1."""
    ratio = max(mean, wanted) / max(min(mean, wanted), 1e-9)
    return min(1.0, (1 + slack) / ratio)
