"""Rewriting a text in the style of labels, or in that of other sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textvae.errors import UserError
from textvae.extras.demo.limits import checked_number, checked_text
from textvae.extras.demo.shelf import StyleEntry
from textvae.inference.options import TransferOptions
from textvae.inference.style_transfer import Candidate
from textvae.text import normalise

STRENGTHS = (0.0, 3.0)
MOST_CANDIDATES = 8
MOST_EXEMPLARS = 20
BEAM = 5
"""Beam width, unless more candidates are wanted or the scorers say how many are ranked."""


@dataclass(frozen=True)
class Rewritten:
    """A text in one style: `style` says which, in words; candidates are best first."""

    source: str
    style: str
    candidates: tuple[Candidate, ...]


def rewrite(
    entry: StyleEntry, text: str, styles: Sequence[str], strength: float, count: float, rerank: bool, most: int
) -> list[Rewritten]:
    """Candidates in each of the styles chosen; UserError for what cannot be done. most: characters of a text."""
    text = normalise(checked_text(text, "Your text", most))
    if not styles:
        raise UserError("Choose a style, or several.")
    options = wishes(entry, strength, count, rerank)
    chosen = [entry.transfer.labels[place] for place in sorted({entry.transfer.label(label) for label in styles})]
    with entry.lock:
        return [
            Rewritten(text, label, found(entry, text, TransferOptions(target=label, **options))) for label in chosen
        ]


def mix(
    entry: StyleEntry, content: str, exemplars: str, strength: float, count: float, rerank: bool, most: int
) -> Rewritten:
    """The content of one text with the style of others, a line each."""
    text = normalise(checked_text(content, "The sentence whose content is kept", most))
    lines = checked_text(exemplars, "The sentence whose style is wanted", most).splitlines()
    like = tuple(line for line in map(normalise, lines) if line)
    if len(like) > MOST_EXEMPLARS:
        raise UserError(f"These are {len(like)} lines of style; at most {MOST_EXEMPLARS} are read.")
    options = TransferOptions(like=like, **wishes(entry, strength, count, rerank))
    style = f"“{like[0]}”" + (f" and {len(like) - 1} more" if len(like) > 1 else "")
    with entry.lock:
        return Rewritten(text, style, found(entry, text, options))


def wishes(entry: StyleEntry, strength: float, count: float, rerank: bool) -> dict[str, Any]:
    """Fields of `TransferOptions`."""
    strength = checked_number(strength, "The strength", *STRENGTHS)
    number = int(checked_number(count, "The number of candidates", 1, MOST_CANDIDATES))
    if rerank and not entry.reranks:
        raise UserError("This model has no scorers to rank candidates with: textvae fit-scorers RUN makes them.")
    options = {"strength": strength, "num_candidates": number}
    return options | ({"rerank": True} if rerank else {"beam": max(BEAM, number)})


def found(entry: StyleEntry, text: str, options: TransferOptions) -> tuple[Candidate, ...]:
    """Candidates of one text, with the style head's opinion. Needs the lock."""
    return tuple(entry.transfer.rewrite([text], options, judge=True)[0])
