"""What people can ask a summarizer for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textvae.errors import UserError
from textvae.inference.config import DecodingConfig
from textvae.inference.lengths import WantedLength
from textvae.inference.pieces import Detokenise

LENGTHS = {"words", "ratio", "min_words", "choose_length", "free_length"}
"""Options that say how long a summary is."""

WIDTH = 4
"""Beam width among the shorter forms of a sentence."""

BEAM = 5
"""Beam width unless more candidates are wanted."""


@dataclass(frozen=True)
class SummaryOptions:
    """What to write."""

    words: int | None = None
    """Most words, punctuation included; a document with fewer is not made longer. Default: 8, unless `ratio` is set."""
    ratio: float | None = None
    """Most words as a share of the document's."""
    chars: int | None = None
    """Most characters, spaces included, as for a subtitle or a title."""
    sentences: int | None = None
    """Most sentences of a document that is longer than the model reads at once. Default: as many as the limits hold, or
    one where there are none."""
    min_words: int | None = None
    """Fewest words, if there is a choice. Default: half of the wanted ones."""
    checked: bool = True
    """Only texts that are complete and say what the document says: made of its own words, by leaving out whole phrases.
    A document that has no such shorter form comes back as it is. Full rules for English, for models that read words;
    else numbers, placeholders and marks alone."""
    limited: bool = False
    """Whether words, ratio or chars are a limit that somebody asked for: then a document within it comes back whole,
    and a long one gives as many sentences as the limit holds."""
    headline: bool = False
    """Where `checked`: leave out articles and forms of `be`, write `to` for `will`."""
    choose_length: bool = False
    """Search for a summary of every number of words, from the fewest to the most, and keep the one that ranks first:
    it is as long as its document asks for. Costs as many searches."""
    free_length: bool = False
    """Tell the model no length: it ends where it likes between the fewest and the most words. One search, for models
    trained with `generator.length_dropout`."""
    beam: int | None = None
    """Beam width; 1 is greedy. Default: 5, or `num_candidates` if that is more."""
    num_candidates: int = 1
    """Candidates per document, best first."""
    length_penalty: float = 1.0
    """Candidates are ranked by log-probability / length ** penalty."""
    reconstruction: float = 0.0
    """To that rank this times the reconstructor's log-probability of the document, per word, is added: of the likely
    summaries the one that tells more. Matters where there are several, by beam, candidates or `choose_length`."""
    phrases: float = 0.0
    """To that rank this times the share of the summary's pairs of neighbouring words that are neighbours in the
    document is added: phrases stay whole, and usual phrases that the document does not have lose."""
    lead: float = 0.0
    """From that rank this times the mean place (0 to 1) of the summary's words in the document is taken: of the likely
    summaries the one that tells the beginning."""
    no_repeat_ngram: int = 3
    """No n-gram of this many tokens occurs twice in the summary of what is read at once; 0 means no such rule."""
    allow_unk: bool = False
    """Let `<unk>` stand in the output even where the document has none."""
    detokenise: Detokenise = "auto"
    """auto: as people write, unless the document came as the model reads it (tokenised, often lower-cased)."""
    batch_size: int = 192
    """Rows decoded at once, where a document has as many rows as its beam is wide."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UserError(f"batch_size must be at least 1, not {self.batch_size}")
        if self.detokenise not in ("auto", True, False):
            raise UserError(f"detokenise is 'auto', True or False, not {self.detokenise!r}")
        if self.chars is not None and self.chars < 1:
            raise UserError(f"chars must be at least 1, not {self.chars}")
        if self.sentences is not None and self.sentences < 1:
            raise UserError(f"sentences must be at least 1, not {self.sentences}")
        if self.choose_length and self.free_length:
            raise UserError("choose_length and free_length exclude each other")
        for name in ("reconstruction", "phrases", "lead"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name} is a weight of 0 or more, not {getattr(self, name)}")
        self.length()
        self.decoding(1)  # complain now rather than at the first document

    @property
    def weighed(self) -> bool:
        """Whether more than likelihood orders the candidates: then every beam is one."""
        return bool(self.reconstruction or self.phrases or self.lead)

    @property
    def width(self) -> int:
        """Beams of a search among shorter forms."""
        return max(WIDTH, min(self.num_candidates, 8))

    def length(self) -> WantedLength:
        """The length these options ask for."""
        return WantedLength(self.words, self.ratio, self.min_words)

    def decoding(self, max_length: int) -> DecodingConfig:
        """The search these options ask for; `LengthControl` sees to the fewest words."""
        beam = max(BEAM, self.num_candidates) if self.beam is None else self.beam
        return DecodingConfig(
            strategy="beam" if max(beam, self.num_candidates) > 1 else "greedy",
            beam=beam,
            num_candidates=max(self.num_candidates, beam) if self.weighed else self.num_candidates,
            max_length=max_length,
            min_length=0,
            length_penalty=self.length_penalty,
            no_repeat_ngram=self.no_repeat_ngram,
            allow_unk=True,  # `LengthControl` forbids it, where the document has none
        )
