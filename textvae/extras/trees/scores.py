"""Unlabelled F1 of trees, and the trees that anybody can guess."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from textvae.data.trees import Span, Tree

RANDOM_TREES = 5
"""Random trees for each sentence, whose F1 is averaged."""


@dataclass(frozen=True)
class TreeScore:
    """Unlabelled F1, 0 to 1. sentence_f1: mean over sentences; corpus_f1: of the counts over all; sentences: scored."""

    sentence_f1: float
    corpus_f1: float
    sentences: int


def f1(gold: Sequence[Tree], found: Sequence[Collection[Span]]) -> TreeScore:
    """Compare constituents as sets of spans; labels count nothing.

    Trivial spans are left out: single words, and the whole sentence, which every tree has. So are sentences whose known
    tree has nothing else (all of one and two words): there is nothing to find. (Published code counts those of two
    words as an F1 of 1; leaving them out gives lower numbers.) A known tree may be flat and a found one is binary, so 1
    may be out of reach: compare with `bound`.
    """
    per_sentence, hits, wanted, given = [], 0, 0, 0
    for tree, spans in zip(gold, found, strict=True):
        if not tree.told:
            continue
        told = set(spans) - {(0, len(tree.words))}
        common = len(tree.told & told)
        per_sentence.append(2 * common / (len(tree.told) + len(told)))
        hits, wanted, given = hits + common, wanted + len(tree.told), given + len(told)
    if not per_sentence:
        return TreeScore(float("nan"), float("nan"), 0)
    return TreeScore(float(np.mean(per_sentence)), 2 * hits / (wanted + given), len(per_sentence))


# ---------------------------------------------------------------------------------------------- trees without a model
def right(words: int) -> set[Span]:
    """(a (b (c d)))."""
    return {(i, words) for i in range(words - 1)}


def left(words: int) -> set[Span]:
    """(((a b) c) d)."""
    return {(0, i) for i in range(2, words + 1)}


def split(start: int, stop: int, where: Callable[[int, int], int]) -> set[Span]:
    """The binary tree of words start … stop − 1 that is cut at where(start, stop), its parts likewise."""
    found, todo = set[Span](), [(start, stop)]
    while todo:
        first, last = todo.pop()
        if last - first > 1:
            found.add((first, last))
            middle = where(first, last)
            todo += [(first, middle), (middle, last)]
    return found


def balanced(words: int) -> set[Span]:
    """((a b) (c d)): cut in the middle, the longer half first."""
    return split(0, words, lambda i, j: (i + j + 1) // 2)


def at_random(words: int, rng: np.random.Generator) -> set[Span]:
    """Cut at a place drawn uniformly."""
    return split(0, words, lambda i, j: int(rng.integers(i + 1, j)))


def binarised(tree: Tree) -> set[Span]:
    """A binary tree with every constituent of a known one: what no binary tree can beat."""
    inner = sorted(tree.spans, key=lambda span: span[1] - span[0])

    def where(start: int, stop: int) -> int:
        """Behind the largest constituent that begins here and ends earlier, else behind the first word."""
        ends = [j for i, j in inner if i == start and j < stop]
        return max(ends, default=start + 1)

    return split(0, len(tree.words), where)


def baselines(gold: Sequence[Tree], seed: int = 0) -> dict[str, TreeScore]:
    """F1 of trees that do not look at the words, and the bound of all binary trees."""
    sizes, rng = [len(tree.words) for tree in gold], np.random.default_rng(seed)
    drawn = [f1(gold, [at_random(size, rng) for size in sizes]) for _ in range(RANDOM_TREES)]
    sentence, corpus = (float(np.mean([getattr(s, n) for s in drawn])) for n in ("sentence_f1", "corpus_f1"))
    return {
        "left-branching": f1(gold, [left(size) for size in sizes]),
        "right-branching": f1(gold, [right(size) for size in sizes]),
        "balanced": f1(gold, [balanced(size) for size in sizes]),
        "random": TreeScore(sentence, corpus, drawn[0].sentences),
        "bound": f1(gold, [binarised(tree) for tree in gold]),
    }
