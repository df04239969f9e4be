"""What people ask of a style transfer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from textvae.errors import UserError
from textvae.inference.config import DecodingConfig
from textvae.inference.pieces import Detokenise
from textvae.inference.targets import Keep

Target = str | Sequence[str] | Mapping[str, str]

SAMPLING = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
"""Options without effect unless `sample` is set, and their usual values."""

RERANKING = {"rerank_candidates": None, "retrieve": 0, "diversity": None}
"""The same for `rerank`."""

REVISING = {"revise_steps": 20, "revise_threshold": 0.9}
"""The same for `revise`."""


@dataclass(frozen=True)
class TransferOptions:
    """What to write."""

    target: Target | None = None
    """Label of the style wanted. With several attributes: LABEL or ATTRIBUTE=LABEL, several of them, or {attribute:
    label}; what is not named stays as it is in the text."""
    like: tuple[str, ...] = ()
    """Sentences whose style is wanted, instead of a label's: the mean of their z_s."""
    keep: Keep = "label"
    """How an attribute that is not named stays: label, by the vector of the label that the model finds in the text;
    latent, by the text's own z."""
    strength: float | None = None
    """0 is a neutral style, 1 the target's own, above 1 an exaggeration. Default: as chosen on dev by the training."""
    beam: int | None = None
    """Beam width; 1 is greedy. Default: `num_candidates`."""
    num_candidates: int = 1
    """Candidates per line, best first."""
    sample: bool = False
    """Draw the candidates from the model instead of searching for the likeliest."""
    temperature: float = 1.0
    """Below 1 samples are more cautious (`sample` only)."""
    top_k: int = 0
    """Sample among the k likeliest tokens; 0 means all."""
    top_p: float = 1.0
    """Sample among the fewest tokens of this total probability."""
    seed: int = 0
    """Seed of the samples. Equal for a line alone, in a file, and in a file split over processes."""
    length_penalty: float = 1.0
    """Candidates are ranked by log-probability / length ** penalty."""
    no_repeat_ngram: int = 0
    """No n-gram of this many tokens occurs twice; 0 means no such rule."""
    min_length: int = 1
    """Fewest tokens of a sentence."""
    allow_unk: bool = False
    """Let `<unk>` stand in the output."""
    rerank: bool | None = None
    """Order the candidates by style, content and fluency, with the scorers and weights stored beside the model.
    Default: as stored with the model, unless it samples, revises or only retrieves."""
    rerank_candidates: int | None = None
    """Candidates per sentence that are ranked. Default: as stored with the scorers."""
    retrieve: int = 0
    """So many sentences of the corpus in the target style are candidates too, those of the nearest content."""
    diversity: float | None = None
    """Taken from the score of a further candidate times its likeness to those before. Default: as stored."""
    retrieve_only: bool = False
    """Write nothing: give the nearest sentences of the corpus in the target style."""
    revise: bool = False
    """Search for a better latent by gradient before writing: five times the cost of greedy search, and more."""
    revise_steps: int = 20
    """Most steps of that search."""
    revise_threshold: float = 0.9
    """A sentence is done when the style guide gives the target this probability."""
    detokenise: Detokenise = "auto"
    """auto: as people write, unless the line came as the model reads it (tokenised, often lower-cased)."""
    contract: bool = True
    """Numbers, names, quotations, addresses, the scope of negations and the words of `protect` stay as they are: a
    sentence of which no candidate keeps them comes back unchanged, as does one that has the style, or of whose words
    the model knows too few."""
    protect: tuple[str, ...] = ()
    """Words and phrases that stay where a sentence has them (`contract` only)."""
    accept: float | None = None
    """A candidate stands where readers accept it with this probability at least, by the judge stored with the scorers
    (`contract` only); a sentence without one comes back unchanged, as does a neutral one. 0 answers always. Default: as
    stored with the judge, 0 without one."""
    batch_size: int = 384
    """Rows decoded at once, where a sentence has as many rows as its beam is wide or as it has samples."""

    def __post_init__(self) -> None:
        if self.strength is not None and not math.isfinite(self.strength):
            raise UserError(f"strength must be a number, not {self.strength}")
        if self.batch_size < 1:
            raise UserError(f"batch_size must be at least 1, not {self.batch_size}")
        if self.detokenise not in ("auto", True, False):
            raise UserError(f"detokenise is 'auto', True or False, not {self.detokenise!r}")
        if self.sample and self.beam is not None:
            raise UserError("beam and sample exclude each other")
        if isinstance(self.like, str):
            object.__setattr__(self, "like", (self.like,))
        if isinstance(self.protect, str):
            object.__setattr__(self, "protect", (self.protect,))
        if self.protect and not self.contract:
            raise UserError("protect: only with contract; leave out contract=False (--no-contract)")
        if self.accept is not None and not 0 <= self.accept <= 1:
            raise UserError(f"accept is a probability, not {self.accept}")
        if self.accept and not self.contract:
            raise UserError("accept: only with contract; leave out contract=False (--no-contract)")
        if self.target is not None and self.like:
            raise UserError("target and like exclude each other: give a label (--to) or exemplars (--like)")
        if self.retrieve < 0 or (self.rerank_candidates is not None and self.rerank_candidates < 1):
            raise UserError("retrieve may not be negative, and rerank_candidates is at least 1")
        if self.diversity is not None and not math.isfinite(self.diversity):
            raise UserError(f"diversity must be a number, not {self.diversity}")
        self.check_groups()
        self.decoding(
            max(self.min_length, 1), 1 if self.rerank else None
        )  # complain now rather than at the first sentence

    def check_groups(self) -> None:
        """Complain about options that have no effect without another, or exclude it."""
        for switch, group in (("sample", SAMPLING), ("rerank", RERANKING), ("revise", REVISING)):
            changed = [name for name, usual in group.items() if getattr(self, name) != usual]
            if changed and not getattr(self, switch):
                raise UserError(f"{', '.join(changed)}: only with {switch}; add {switch}=True (--{switch})")
        others = [name for name in ("sample", "rerank", "revise") if getattr(self, name)]
        if self.retrieve_only and (others or self.beam is not None):
            raise UserError(f"retrieve_only writes nothing and excludes {', '.join(others or ['beam'])}")

    def decoding(self, max_length: int, candidates: int | None = None) -> DecodingConfig:
        """The search these options ask for; candidates: how many it is to give, whatever `num_candidates` says."""
        count = self.num_candidates if candidates is None else candidates
        beam = count if self.beam is None else self.beam if candidates is None else max(self.beam, candidates)
        strategy: Literal["greedy", "sample", "beam"]
        strategy = "sample" if self.sample else "beam" if max(beam, count) > 1 else "greedy"
        shared = {f.name for f in fields(DecodingConfig)} & {f.name for f in fields(self)}
        options: dict[str, Any] = {name: getattr(self, name) for name in shared}
        options |= {"num_candidates": count, "beam": beam}
        return DecodingConfig(strategy=strategy, max_length=max_length, **options)
