"""Cut a long text into pieces of a limited number of tokens: at sentence ends, else clauses, else words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise

from textvae.inference.pieces import CLAUSE_ENDS, CLAUSE_STARTS
from textvae.text import is_spaceless, split_sentences

SENTENCE, CLAUSE, WORD, INSIDE = 3, 2, 1, 0
"""Strength of a place to cut; INSIDE is within a word."""

CLAUSE_MARKS = tuple("，、；：")
"""Chinese and Japanese marks that end a clause; no space follows them."""


def cut(text: str, offsets: Sequence[tuple[int, int]], limit: int) -> list[str]:
    """Pieces of at most `limit` tokens that together are `text`, but for the spaces between them.

    offsets: first and last character of each token of `text`. A piece ends with its last sentence; only where a
    sentence is longer than a piece, in its second half at a clause, a word or, at worst, any token. Pieces are of
    similar size, so that no small rest remains.
    """
    if len(offsets) <= limit:
        return [text]
    offsets = unfused(text, offsets)
    places = strengths(text, offsets)
    pieces, begin = [], 0
    while begin < len(offsets):
        end = piece_end(places, begin, limit)
        stop = offsets[end][0] if end < len(offsets) else len(text)
        pieces.append(text[offsets[begin][0] if begin else 0 : stop].strip())
        begin = end
    return [piece for piece in pieces if piece]


def piece_end(places: Sequence[int | None], begin: int, limit: int) -> int:
    """Where the piece that begins at token `begin` ends: the strongest place near an equal share of what is left."""
    left = len(places) - begin
    if left <= limit:
        return len(places)
    aim = begin + math.ceil(left / math.ceil(left / limit))
    for strength in (SENTENCE, CLAUSE, WORD, INSIDE):
        first = begin + 1 if strength == SENTENCE else begin + max(1, limit // 2)
        found = [i for i in range(first, begin + limit + 1) if places[i] is not None and places[i] >= strength]  # type: ignore[operator]
        if found:
            return min(found, key=lambda i: abs(i - aim))
    return begin + limit  # one character of more tokens than a piece has


def unfused(text: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Offsets of single characters where a run of unknown ones, spelled in bytes, has the same for all its tokens."""
    found: list[tuple[int, int]] = []
    for (start, stop), run in groupby(offsets):
        count = len(list(run))
        owners = [start + i for i, char in enumerate(text[start:stop]) for _ in char.encode()]
        if count == 1 or len(owners) != count:
            found += [(start, stop)] * count
        else:
            found += [(at, at + 1) for at in owners]
    return found


def strengths(text: str, offsets: Sequence[tuple[int, int]]) -> list[int | None]:
    """How good it is to cut before each token; None where it shares a character with the one before."""
    ends = sentence_ends(text)
    places: list[int | None] = [SENTENCE]
    words = ["" if start == stop else text[start:stop].strip() for start, stop in offsets]
    for i, ((_, stop), (start, _)) in enumerate(pairwise(offsets), start=1):
        places.append(
            None if start < stop else strength(text, start, words[i - 1], words[i], start in ends or stop in ends)
        )
    return places


def strength(text: str, at: int, before: str, after: str, sentence: bool) -> int:
    """How good it is to cut at a character between two words (or pieces of them)."""
    if sentence:
        return SENTENCE
    apart = text[at : at + 1].isspace() or text[at - 1 : at].isspace()
    if apart and (before in CLAUSE_ENDS or after in CLAUSE_STARTS) or before.endswith(CLAUSE_MARKS):
        return CLAUSE
    return WORD if apart or is_spaceless(before[-1:]) or is_spaceless(after[:1]) else INSIDE


def sentence_ends(text: str) -> set[int]:
    """Where sentences of a text end, as numbers of characters."""
    ends, position = set(), 0
    for sentence in split_sentences(text):
        position = text.index(sentence, position) + len(sentence)
        ends.add(position)
    return ends
