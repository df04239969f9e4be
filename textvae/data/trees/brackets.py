"""Trees as people write them down: `(S (NP (D the) (N dog)) (VP (V barks)))`, one tree a line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
"""Words i … j − 1 as (i, j)."""

TRACE = "-NONE-"
PUNCTUATION = frozenset({",", ".", ":", "``", "''", "-LRB-", "-RRB-", "$", "#"})
"""Tags of the Penn Treebank whose words are no part of the tree that is looked for (Kim et al. 2019, sec. 3.1)."""
ESCAPES = {"(": "-LRB-", ")": "-RRB-"}
_PIECES = re.compile(r"\([^\s()]*|\)|[^\s()]+")


@dataclass(frozen=True)
class Tree:
    """n words and the spans of all constituents of two words or more, the whole sentence among them if n > 1."""

    words: tuple[str, ...]
    spans: frozenset[Span]

    @property
    def told(self) -> frozenset[Span]:
        """Spans that tell something: without the whole sentence, which every tree has."""
        return self.spans - {(0, len(self.words))}


def parse_tree(line: str) -> Tree:
    """The tree of a line; ValueError says what is wrong with it.

    A label is what stands directly after its bracket, so `(NP (D the) (N dog))` and `( the dog )` are both read. Traces
    and words whose tag is in `PUNCTUATION` are left out, with the constituents that hold nothing else.
    """
    words: list[str] = []
    spans: set[Span] = set()
    open_: list[tuple[int, str]] = []
    for piece in _pieces(line):
        if piece.startswith("("):
            open_.append((len(words), piece[1:]))
        elif piece == ")":
            start, _ = open_.pop()
            if len(words) - start > 1:
                spans.add((start, len(words)))
        elif open_[-1][1] != TRACE and open_[-1][1] not in PUNCTUATION:
            words.append(piece)
    if len(words) > 1:
        spans.add((0, len(words)))
    return Tree(tuple(words), frozenset(spans))


def _pieces(line: str) -> Iterator[str]:
    """`(LABEL`, `)` and words in order, brackets checked."""
    depth = 0
    for number, match in enumerate(_PIECES.finditer(line)):
        piece = match.group()
        if depth == 0 and (number or not piece.startswith("(")):
            raise ValueError(f"{piece!r} at character {match.start() + 1} stands outside of the tree; one tree a line")
        depth += piece.startswith("(") - (piece == ")")
        yield piece
    if depth:
        raise ValueError(
            f"{depth} bracket{'s' if depth > 1 else ''} not closed at the end of the line; one tree a line"
        )


def format_tree(words: Sequence[str], spans: Collection[Span]) -> str:
    """`( ( the dog ) barks )`: no span may cross another. Brackets among the words become -LRB- and -RRB-."""
    opened, closed = [0] * len(words), [0] * len(words)
    for start, stop in {*spans, (0, len(words))} if words else ():
        opened[start] += 1
        closed[stop - 1] += 1
    escaped = ["".join(ESCAPES.get(character, character) for character in word) for word in words]
    return " ".join("( " * o + w + " )" * c for o, w, c in zip(opened, escaped, closed, strict=True))
