"""How a grammar is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from textvae.errors import UserError


@dataclass(frozen=True)
class TreeEvaluationConfig:
    """How a grammar is looked at."""

    max_sentences: int = 1000
    """At most so many sentences, evenly spaced over the split."""
    samples: int = 10
    """K of the importance-weighted NLL of a grammar with z (Burda et al. 2016). Without z the NLL is exact."""
    order: int = 3
    """Order of the n-gram model beside it (interpolated modified Kneser-Ney, trained on the same sentences)."""
    seed: int = 1
    """Seed of the draws."""

    def __post_init__(self) -> None:
        if min(self.max_sentences, self.samples, self.order) < 1:
            raise UserError("max_sentences, samples and order of the evaluation of trees must be at least 1")
