"""How systems are measured and how checkpoints are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textvae.errors import UserError


@dataclass(frozen=True)
class EvaluationConfig:
    """How systems are measured. Only numbers of equal settings and equal training data can be compared."""

    seed: int = 0
    """Seed of judges, word vectors and the bootstrap; not that of the model."""
    resamples: int = 1000
    """Bootstrap resamples; 0 for no intervals."""
    confidence: float = 0.95
    """Probability of the intervals."""
    language_model_order: int = 3
    """Order of the Kneser-Ney language model (3: trigrams)."""
    vector_size: int = 100
    """Dimensions of the word vectors."""
    max_train_sentences: int = 300_000
    """Judges, language model and vectors learn from at most so many random training sentences (3 kB each)."""
    max_dev_sentences: int = 20_000
    """Judges stop by, and report, their accuracy on at most so many dev sentences."""

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise UserError(f"confidence is a probability between 0 and 1, not {self.confidence}")
        if self.resamples < 0 or self.max_train_sentences < 1 or self.max_dev_sentences < 0 or self.vector_size < 1:
            raise UserError("resamples and max_dev_sentences may not be negative, nor the other sizes be below 1")


@dataclass(frozen=True)
class SelectionConfig:
    """How checkpoints are compared during training."""

    content: Literal["self_bleu", "word_overlap"] = "self_bleu"
    """What stands for kept content: BLEU against the input, or overlap of content words with it."""
    copy_limit: float = 0.1
    """Share of copied inputs that costs nothing; above it the score falls linearly, to 0 when all are."""
    max_sentences: int = 1000
    """At most so many dev sentences, drawn once at random."""
    seed: int = 1
    """Seed of that draw."""
    strengths: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
    """Transfer strengths tried in this order; the first that reaches `accuracy` is stored with the model."""
    accuracy: float = 0.9
    """Style accuracy wanted, by the selection judge (which is stricter than those that report, by some points)."""

    def __post_init__(self) -> None:
        if not self.strengths or not 0 <= self.accuracy <= 1:
            raise UserError("selection.strengths needs at least one number, selection.accuracy one between 0 and 1")
        if not 0 <= self.copy_limit < 1:
            raise UserError(f"copy_limit is a share between 0 and 1, not {self.copy_limit}")
        if self.max_sentences < 1:
            raise UserError(f"max_sentences is at least 1, not {self.max_sentences}")
