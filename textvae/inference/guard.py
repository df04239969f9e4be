"""Holds rewritings to their contract: which sentences a model may touch, and which of its candidates may stand."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from textvae.inference.contract import NUMBER, Contract, names_of, starts_after, words_of
from textvae.inference.pieces import Line, LineReader, Piece
from textvae.inference.reranking import PARTS
from textvae.inference.writing import HAS_STYLE

COMMON = 1500
"""So many words of a vocabulary, which is in the order of frequency, are common."""

COPY = PARTS.index("copy")

FEWEST_KNOWN = 0.5
"""Share of the words of a sentence that a model must know to rewrite it."""

UNREADABLE = "no words the model knows"
HALF_READ = "most words are unknown to the model"
NOTHING_ELSE = "the model changes nothing"


class Written(NamedTuple):
    """A candidate for a piece: prepared string, log-probability, tokens with `</s>`, style probability.

    rank: what orders it instead of the log-probability; parts: what that is the sum of. unchanged: the piece comes back
    as it was, and why. acceptance: probability that a reader accepts it, which orders before all else.
    """

    text: str
    score: float
    length: int
    style: float | None
    rank: float | None = None
    parts: tuple[float, ...] = ()
    unchanged: str | None = None
    acceptance: float | None = None

    def value(self, penalty: float) -> float:
        """What it is ordered by."""
        if self.acceptance is not None:
            return math.log(max(self.acceptance, 1e-6))
        return self.score / self.length**penalty if self.rank is None else self.rank


@dataclass(frozen=True)
class Guard:
    """The contract of every piece of a line, for one model and one wish.

    target: how the style wanted is called. leaning: words that speak for (above 0) or against it. style: words that
    have to do with any style. allowed: placeholders that people let stand.
    """

    reader: LineReader
    target: str
    protected: tuple[str, ...] = ()
    leaning: Mapping[str, float] = field(default_factory=dict)
    style: Collection[str] = frozenset()
    allowed: Collection[str] = frozenset()

    def contracts(self, line: Line) -> list[Contract]:
        """Of each piece."""
        every = self.tokens(word for piece in line.pieces for word in piece.words)
        names = names_of(every, self.style)
        return [self.contract(piece, names) for piece in line.pieces]

    def tokens(self, words: Iterable[str]) -> tuple[str, ...]:
        """Words of prepared text as tokens, which they are unless the model reads text that is not tokenised."""
        return tuple(words) if self.reader.text.tokenise else words_of(" ".join(words))

    def contract(self, piece: Piece, names: frozenset[str]) -> Contract:
        """Of one piece; names: of its line."""
        words = self.tokens(piece.words)
        first = next((i for i, word in enumerate(words) if word[:1].isalpha() and not starts_after(word)), None)
        if first is not None and self.rare(words[first], words[first + 1 :]):
            names |= {words[first].lower()}
        return Contract(words, self.protected, names, self.leaning, piece.quoted, self.allowed)

    def rare(self, word: str, after: Sequence[str]) -> bool:
        """Whether the first word of a sentence is likely a name: uncommon, and of no style; not in capitals alone."""
        lower = word.lower()
        if lower == word or not self.reader.puts_back or lower in self.style or lower.endswith("ly"):
            return False
        if not any(w[:1].islower() for w in after):
            return False
        number = self.reader.ids.get(lower, self.reader.unk)
        return number == self.reader.unk or number >= COMMON

    def spared(self, piece: Piece, contract: Contract) -> str | None:
        """Why a piece is not to be rewritten at all; None where it may be."""
        readable = [word for word in piece.words if any(c.isalpha() for c in word) and word != NUMBER]
        known = sum(self.known(word) for word in readable)
        if not self.reader.puts_back:  # a piece is unknown as a whole, where it is spelled letter by letter
            known = len(readable) if len(piece.ids) <= sum(map(len, readable)) else 0
        if not known:
            return UNREADABLE
        if known < FEWEST_KNOWN * len(readable):
            return HALF_READ
        return f"already {self.target}" if contract.fulfilled else None

    def disposed(self, piece: Piece, probability: float) -> str | None:
        """Whether a piece has the style wanted, of this probability by the style guide, or none: then no word leans."""
        if probability >= HAS_STYLE:
            return f"already {self.target}"
        neutral = probability > 1 - HAS_STYLE and not any(word.lower() in self.style for word in piece.words)
        return "neutral" if neutral else None

    def known(self, word: str) -> bool:
        """Whether a word is in a vocabulary of words."""
        return (
            self.reader.ids.get(word.lower() if self.reader.text.lowercase else word, self.reader.unk)
            != self.reader.unk
        )

    def passing(self, piece: Piece, contract: Contract, written: Sequence[Written], count: int) -> list[Written]:
        """The first `count` of the candidates of a piece, best first, that keep the contract; else the piece itself.

        The piece among them is an answer where it was ranked without penalty, having the style wanted, or nothing is
        ranked by more than the model's own opinion; or where nothing else is left.
        """
        own = self.reader.prepared(piece)
        found: dict[str, Written] = {}
        broken, copy = "", None
        for candidate in written:
            text = self.reader.restored(candidate.text, piece)
            if text == own:
                copy = copy or candidate
                if not (candidate.parts and candidate.parts[COPY]):
                    why = f"already {self.target}" if candidate.parts else NOTHING_ELSE
                    found.setdefault(text, candidate._replace(unchanged=why))
            elif wrong := contract.violations(self.tokens(text.split(" "))):
                broken = broken or wrong[0]
            else:
                found.setdefault(text, candidate)
            if len(found) == count:
                break
        reason = f"no rewriting keeps {broken}" if broken else NOTHING_ELSE
        return list(found.values()) or [self.as_it_was(piece, reason, copy)]

    def as_it_was(self, piece: Piece, reason: str, copy: Written | None = None) -> Written:
        """A piece as its own rewriting, which the model may have written (copy)."""
        same = copy or Written(self.reader.prepared(piece), 0.0, len(piece.ids) + 1, None)
        return same._replace(text=self.reader.prepared(piece), unchanged=reason)
