"""Trees in brackets as the Penn Treebank writes them, and source `trees`: a tree on each line."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textvae.data.config import DataConfig
from textvae.data.rows import Part, Row, Source, fingerprint
from textvae.data.tables import find_splits
from textvae.data.text_lines import ONLY_LABEL
from textvae.errors import UserError
from textvae.files import LONGEST_LINE, display, read_lines

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


ENDINGS = (".txt", ".trees", ".mrg")


def treebank(config: DataConfig) -> Source:
    """Find the files of every split. A row's text is the words of a tree, its one reference the tree as it stands.

    What learns from the sentences never reads the references: they are there to be compared with.
    """
    found = find_splits(config, ENDINGS)
    splits = {
        split: [Part(display(path.name), display(path), functools.partial(_rows, path)) for path in paths]
        for split, paths in found.items()
        if paths
    }
    return Source(splits, fingerprint((split, path) for split, paths in found.items() for path in paths))


def read_treebank(path: Path) -> Iterator[tuple[int, str, Tree]]:
    """(line, the line itself, its tree); empty lines are left out. UserError with the line for what is no tree."""
    for number, line in read_lines(path, LONGEST_LINE, "put one tree on a line"):
        if not line.strip():
            continue
        try:
            yield number, line, parse_tree(line)
        except ValueError as error:
            raise UserError(f"{display(path)}:{number}: {error}") from error


def _rows(path: Path) -> Iterator[Row]:
    for number, line, tree in read_treebank(path):
        yield Row(" ".join(tree.words), (ONLY_LABEL,), [line.strip()], number)
