"""Summaries of a chosen length."""

from __future__ import annotations

from dataclasses import dataclass

from textvae.extras.demo.limits import checked_number, checked_text
from textvae.extras.demo.shelf import SummaryEntry
from textvae.inference.summarization import Candidate
from textvae.text import normalise

WORDS = (3, 40)
"""Fewest and most words that can be asked for."""
MOST_CANDIDATES = 5


@dataclass(frozen=True)
class Summarised:
    """A text with summaries, best first."""

    source: str
    candidates: tuple[Candidate, ...]


def summarise(entry: SummaryEntry, text: str, words: float, count: float, most: int) -> Summarised:
    """Summaries of at most `words` words; UserError for what cannot be done. most: characters of a text."""
    text = normalise(checked_text(text, "Your text", most))
    limit = int(checked_number(words, "The number of words", *WORDS))
    number = int(checked_number(count, "The number of candidates", 1, MOST_CANDIDATES))
    with entry.lock:
        return Summarised(text, tuple(entry.summarizer.candidates(text, words=limit, num_candidates=number)))
