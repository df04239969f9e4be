"""How summaries are measured and how the denoising tagger learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from textvae.errors import UserError


@dataclass(frozen=True)
class AlarmLimits:
    """When a measure becomes an alarm."""

    swapped_gap: float = 0.05
    """A reader must gain at least so many nats per word of the document from its summary."""
    readable_share: float = 0.3
    """A fresh reader must gain at least this share of what the reconstructor gains."""
    information_share: float = 0.1
    """A fresh reader must gain at least this share of what it gains from the document's first words (as many)."""
    shuffled_share: float = 0.02
    """Shuffling the summary's words must take at least this share of a reader's gain."""
    novelty_1: float = 80.0
    """Percent of a summary's words that the document may lack."""
    names_invented: float = 80.0
    """Percent of a summary's rare words and numbers that the document may lack."""
    lead_rate: float = 80.0
    """Percent of summaries that may be the first words of their documents."""
    perplexity_ratio: float = 5.0
    """Perplexity of the summaries over that of human texts, both under the language model of human texts."""
    order_ratio: float = 1.3
    """Shuffled, the summaries must have at least so many times their perplexity."""
    empty_rate: float = 1.0
    """Percent of summaries that may be empty."""
    length_ratio: float = 2.0
    """Mean length of summaries over that of human texts."""
    discriminator_accuracy: float = 95.0
    """Percent of texts, human and written, that the discriminator may tell apart."""


@dataclass(frozen=True)
class TaggerConfig:
    """The denoising tagger: a bidirectional LSTM that learns which words to keep from synthetic noise alone."""

    embedding_size: int = 100
    """Width of word and position embeddings."""
    size: int = 128
    """Width of the LSTM in each direction."""
    dropout: float = 0.3
    """Share of embedding values that are dropped in training."""
    max_positions: int = 40
    """Later words share the last position embedding."""
    min_count: int = 3
    """Rarer words are unknown to the tagger (it keeps or drops them by their context)."""
    max_pieces: int = 3
    """Most pieces of documents that are inserted into a text."""
    piece_words: tuple[int, int] = (2, 10)
    """Fewest and most words of a piece."""
    odds: tuple[float, float, float] = (1.0, 1.0, 2.0)
    """How often a piece goes before the text, inside and after it: news says first what matters."""
    related_share: float = 0.7
    """Share of texts whose pieces come from documents that have the text's rarest word."""
    switch_cost: float = 1.0
    """Logits that a change from kept to dropped words costs, so that what is kept stays in runs."""
    max_texts: int = 100_000
    """It learns from at most so many human texts, drawn at random."""
    epochs: int = 2
    """Passes over them, with fresh noise each."""
    batch_size: int = 128
    """Texts in a step."""
    lr: float = 3e-3
    """Step size of Adam."""
    seed: int = 0
    """Seed of initial weights, noise and order."""

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.size, self.embedding_size, self.max_positions, self.max_texts) < 1:
            raise UserError("tagger: sizes, positions, texts, epochs and batch_size are at least 1")
        if not 0 <= self.dropout < 1:
            raise UserError(f"tagger: dropout is a share between 0 and 1, not {self.dropout}")
        if self.max_pieces < 1 or not 1 <= self.piece_words[0] <= self.piece_words[1]:
            raise UserError("tagger: max_pieces is at least 1 and piece_words two numbers that rise from 1")
        if min(self.odds) < 0 or not sum(self.odds) or not 0 <= self.related_share <= 1 or self.switch_cost < 0:
            raise UserError("tagger: odds and switch_cost may not be negative; related_share is between 0 and 1")


@dataclass(frozen=True)
class SummarySelectionConfig:
    """How checkpoints of a summariser are compared during training."""

    words: float | None = None
    """Length wanted, in words; None: the mean length of the human dev texts."""
    slack: float = 0.1
    """A mean length within this share of the wanted one costs nothing."""
    max_documents: int = 1000
    """At most so many dev documents, drawn once at random."""
    max_reader_documents: int = 20_000
    """The reader learns from at most so many training documents."""
    seed: int = 1
    """Seed of that draw."""

    def __post_init__(self) -> None:
        if (self.words is not None and self.words <= 0) or self.slack < 0 or self.max_documents < 2:
            raise UserError("selection: words is above 0, slack not negative and max_documents at least 2")


@dataclass(frozen=True)
class SummaryEvaluationConfig:
    """How summaries are measured. Only numbers of equal settings and equal test pairs can be compared."""

    seed: int = 0
    """Seed of the bootstrap and of shuffled words."""
    resamples: int = 1000
    """Bootstrap resamples; 0 for no intervals."""
    confidence: float = 0.95
    """Probability of the intervals."""
    tokens: Literal["auto", "ascii", "unicode"] = "auto"
    """ROUGE tokens: a-z and 0-9 as everybody reports, or letters of every script; auto looks at the references."""
    lead_words: tuple[int, ...] = tuple(range(4, 21))
    """LEAD is swept over these numbers of words."""
    shown_leads: tuple[int, ...] = (8, 10)
    """Of these sweeps the table shows so many words, the best and the one of equal length; the JSON has all."""
    language_model_order: int = 3
    """Order of the Kneser-Ney model of human texts (3: trigrams)."""
    cut_slack: int = 3
    """The language model may cut so many words before and after the system's mean length."""
    max_texts: int = 300_000
    """Language model, tagger and reader learn from at most so many random texts and documents."""
    max_reader_documents: int = 20_000
    """The statistical reader learns from at most so many of these documents."""
    tagger: TaggerConfig = field(default_factory=TaggerConfig)
    """The denoising tagger."""
    alarms: AlarmLimits = field(default_factory=AlarmLimits)
    """When a measure becomes a warning."""

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise UserError(f"confidence is a probability between 0 and 1, not {self.confidence}")
        if self.resamples < 0 or self.max_texts < 1 or min((*self.lead_words, *self.shown_leads), default=1) < 1:
            raise UserError("resamples may not be negative, nor max_texts, lead_words and shown_leads be below 1")
