"""How to write a sentence from a latent: the options of decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textvae.errors import UserError


@dataclass
class DecodingConfig:
    """Search for a sentence y given a memory; it ends in `</s>`, at the latest after `max_length` tokens."""

    strategy: Literal["greedy", "sample", "beam"] = "greedy"
    """greedy: the likeliest next token. sample: drawn from p(y | z). beam: the `beam` best prefixes."""
    beam: int = 5
    """Prefixes kept per sentence (strategy beam only)."""
    num_candidates: int = 1
    """Sentences returned per input: the best of the beam, or that many independent samples."""
    temperature: float = 1.0
    """Logits are divided by this before sampling; below 1 is more cautious."""
    top_k: int = 0
    """Sample among the k likeliest tokens only; 0 means all."""
    top_p: float = 1.0
    """Sample among the fewest tokens of total probability p or more (Holtzman et al. 2020, sec. 3.1)."""
    seed: int = 0
    """Seed of the samples. A sentence's samples depend on the seed and its own number, never on its batch."""
    max_length: int = 30
    """Most tokens before `</s>`."""
    min_length: int = 1
    """Fewest tokens before `</s>`."""
    length_penalty: float = 1.0
    """Candidates are ranked by log p(y | z) / T ** length_penalty, T counting `</s>`."""
    no_repeat_ngram: int = 0
    """No n-gram of this many tokens occurs twice; 0 means no such rule."""
    allow_unk: bool = False
    """Let `<unk>` be written."""

    def __post_init__(self) -> None:
        for name, low in (
            ("num_candidates", 1),
            ("beam", 1),
            ("top_k", 0),
            ("max_length", 1),
            ("no_repeat_ngram", 0),
        ):
            if getattr(self, name) < low:
                raise UserError(f"decoding: {name} must be at least {low}, not {getattr(self, name)}")
        if not 0 < self.top_p <= 1:
            raise UserError(f"decoding: top_p must be above 0 and at most 1, not {self.top_p}")
        if not 0 < self.temperature < float("inf"):
            raise UserError(f"decoding: temperature must be above 0, not {self.temperature} (for 0 use greedy)")
        if not 0 <= self.min_length <= self.max_length:
            raise UserError(f"decoding: min_length {self.min_length} is not between 0 and {self.max_length}")
        if self.strategy == "greedy" and self.num_candidates > 1:
            raise UserError("decoding: greedy gives one candidate; use strategy beam or sample for more")
        if self.strategy == "beam" and self.num_candidates > self.beam:
            raise UserError(f"decoding: a beam of {self.beam} cannot give {self.num_candidates} candidates")


@dataclass
class SummaryDecodingConfig:
    """How a summarizer writes where nobody says otherwise; stored with the model."""

    words: int | None = None
    """Most words, punctuation included. Default: 8, unless `ratio` is set."""
    ratio: float | None = None
    """Most words as a share of the document's."""
    min_words: int | None = None
    """Fewest words. Default: half of the most."""
    checked: bool | None = None
    """Only complete texts made of the document's own words; false: whatever the model likes best. Default: true."""
    headline: bool | None = None
    """Where checked: leave out articles and forms of `be`, write `to` for `will`. Default: false."""
    choose_length: bool | None = None
    """Search for a summary of every number of words between the two and keep the likeliest."""
    free_length: bool | None = None
    """Let the model end the summary where it likes between the two (needs generator.length_dropout above 0)."""
    beam: int | None = None
    """Beam width; 1 is greedy. Default: 5."""
    length_penalty: float | None = None
    """Candidates are ranked by log-probability / length ** penalty. Default: 1."""
    reconstruction: float | None = None
    """Weight of the reconstructor's log-probability of the document, per word, among candidates. Default: 0."""
    phrases: float | None = None
    """Weight of the share of neighbouring words that are neighbours in the document, among candidates."""
    lead: float | None = None
    """Weight against words that stand late in the document, among candidates."""
    no_repeat_ngram: int | None = None
    """No n-gram of this many tokens occurs twice in a summary. Default: 3."""

    def given(self) -> dict[str, int | float | bool]:
        """What has a value."""
        return {name: value for name, value in vars(self).items() if value is not None}
