"""The nearest sentences of a corpus of any size, by exact comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from textvae.errors import UserError
from textvae.inference.latents.vector_files import Rows

METRICS = ("cosine", "l2")


@dataclass(frozen=True)
class Neighbour:
    """A sentence of the corpus. line: its number there, from 1. score: its cosine, or its Euclidean distance."""

    text: str
    score: float
    line: int
    label: str | None = None


def similarities(queries: np.ndarray, corpus: np.ndarray, metric: str) -> np.ndarray:
    """(Q, N), larger is nearer: the cosine (0 for a zero vector), or minus the Euclidean distance."""
    a, b = queries.astype(np.float64), corpus.astype(np.float64)
    if metric == "cosine":
        norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
        found: np.ndarray = (a @ b.T) / np.maximum(norms, 1e-300)
        return found
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
    return -np.sqrt(squares.clip(min=0))


def nearest(
    queries: np.ndarray, corpus: Iterable[Rows], count: int = 5, metric: str = "cosine", distinct: bool = True
) -> list[list[Neighbour]]:
    """The `count` nearest sentences to each of the queries (Q, Z), nearest first; of equals the first in the corpus.

    Memory: one batch of the corpus. distinct: of equal sentences only the first.
    """
    if metric not in METRICS:
        raise UserError(f"a metric is one of {', '.join(METRICS)}, not {metric!r}")
    if count < 1:
        raise UserError(f"count must be at least 1, not {count}")
    best: list[list[tuple[float, Neighbour]]] = [[] for _ in queries]
    done = 0
    for rows in corpus:
        scores = similarities(queries, rows.vectors, metric)
        for query, row in enumerate(scores):
            best[query] = kept(best[query], row, rows, done, count, distinct)
        done += len(rows.texts)
    sign = 1 if metric == "cosine" else -1
    return [[Neighbour(n.text, sign * score, n.line, n.label) for score, n in found] for found in best]


def kept(
    best: list[tuple[float, Neighbour]], scores: np.ndarray, rows: Rows, done: int, count: int, distinct: bool
) -> list[tuple[float, Neighbour]]:
    """The best so far and those of a batch, cut to `count`."""
    bar = best[-1][0] if len(best) == count else -np.inf
    merged = list(best)
    seen = {neighbour.text for _, neighbour in best} if distinct else set()
    found = 0
    for place in np.argsort(-scores, kind="stable"):
        if found == count or scores[place] <= bar:
            break
        text = rows.texts[place]
        if distinct and text in seen:
            continue
        seen.add(text)
        found += 1
        label = None if rows.labels is None else rows.labels[place]
        merged.append((float(scores[place]), Neighbour(text, 0.0, done + int(place) + 1, label)))
    merged.sort(key=lambda pair: (-pair[0], pair[1].line))
    return merged[:count]
