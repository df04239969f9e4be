"""Which words changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple


class Span(NamedTuple):
    """Neighbouring words, and whether the other text lacks them."""

    text: str
    changed: bool


def word_diff(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Spans of both texts: what `after` dropped is changed in the first, what it brought in the second."""
    old, new = before.split(), after.split()
    removed, added = [False] * len(old), [False] * len(new)
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            removed[a:b], added[c:d] = [True] * (b - a), [True] * (d - c)
    return spans(old, removed), spans(new, added)


def kept_words(document: str, summary: str) -> tuple[list[Span], list[Span]]:
    """Spans of a document, changed where its words are in the summary, and of the summary, changed where they are new.

    Order does not count: a summary takes words from anywhere.
    """
    source, target = document.split(), summary.split()
    have, want = {word.lower() for word in source}, {word.lower() for word in target}
    return (
        spans(source, [word.lower() in want for word in source]),
        spans(target, [word.lower() not in have for word in target]),
    )


def spans(words: Sequence[str], changed: Iterable[bool]) -> list[Span]:
    """Join neighbours of one kind."""
    found: list[Span] = []
    for word, new in zip(words, changed, strict=True):
        if found and found[-1].changed == new:
            found[-1] = Span(f"{found[-1].text} {word}", new)
        else:
            found.append(Span(word, new))
    return found
