"""How long a summary shall be: from the words or the ratio that people ask for to limits for a document."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textvae.errors import UserError

WORDS = 8
"""Words of a summary when nobody says how many: a headline."""

SENSIBLE = 4
"""With fewer words than this no sentence can be said."""


@dataclass(frozen=True)
class Length:
    """Fewest and most words."""

    least: int
    most: int

    def within(self, words: int) -> Length:
        """The same for a document that has only so many words itself."""
        return Length(max(1, min(self.least, words)), max(1, min(self.most, words)))


@dataclass(frozen=True)
class WantedLength:
    """What people ask for: `words`, or `ratio` (words of the summary by words of the document); 8 words if neither.

    least: fewest words; half of the wanted ones if None.
    """

    words: int | None = None
    ratio: float | None = None
    least: int | None = None

    def __post_init__(self) -> None:
        if self.words is not None and self.ratio is not None:
            raise UserError("words and ratio exclude each other")
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise UserError(f"ratio must be above 0 and at most 1, not {self.ratio}")
        if self.most_words < 1:
            raise UserError(f"words must be at least 1, not {self.words}")
        if self.least is not None and not 1 <= self.least <= self.most_words:
            raise UserError(f"min_words must be at least 1 and at most words, not {self.least}")

    @property
    def most_words(self) -> float:
        """The words asked for, whatever the document; no limit where a ratio is."""
        return math.inf if self.ratio is not None else WORDS if self.words is None else self.words

    def of(self, document: int) -> Length:
        """Limits for a document of that many words: never more than it has itself, and at least one."""
        share = math.inf if self.ratio is None else math.floor(self.ratio * document + 1e-9)  # .3 * 10 is 2.9999999...
        most = int(max(1, min(self.most_words, share, document)))
        return Length((most + 1) // 2 if self.least is None else self.least, most).within(most)

    def __str__(self) -> str:
        return f"{self.most_words} words" if self.ratio is None else f"ratio {self.ratio:g}"
