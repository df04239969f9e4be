"""How a latent space is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from textvae.errors import UserError


@dataclass(frozen=True)
class DiagnosticsConfig:
    """How a latent space is looked at. Only numbers of equal settings can be compared."""

    max_sentences: int = 1000
    """At most so many sentences, evenly spaced over the split. Mutual information is at most their logarithm."""
    samples: int = 10
    """K of the importance-weighted NLL (Burda et al. 2016): the bound is tighter with more, the time grows with it."""
    active_variance: float = 0.01
    """A dimension is active where its posterior mean has more variance over the sentences (Burda et al. 2016)."""
    positions: int = 10
    """Words of a sentence, from the first, whose gain over z = prior is told one by one."""
    collapse_gain: float = 0.02
    """Nats per word below which z is said to be ignored: what a word costs more with another sentence's z."""
    seed: int = 1
    """Seed of the draws."""

    def __post_init__(self) -> None:
        if min(self.max_sentences, self.samples, self.positions) < 1:
            raise UserError("max_sentences, samples and positions of the diagnostics must be at least 1")
        if self.active_variance < 0 or self.collapse_gain < 0:
            raise UserError("active_variance and collapse_gain must not be negative")
