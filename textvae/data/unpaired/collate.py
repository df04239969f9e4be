"""Texts and documents of one batch, their unknown words in slots."""

from __future__ import annotations

import numpy as np

from textvae.tokenization.config import SPECIAL


def assign_slots(ids: np.ndarray, words: int, slots: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Hashed ids (B, L) to ids below V + S: each row's distinct unknown words take its slots.

    With a generator every row numbers them by its own permutation, so that no slot means a place; without one by first
    appearance. A row's unknown words beyond the S-th are `<unk>`.
    """
    result = ids.copy()
    order = rng.random((len(ids), slots)).argsort(axis=1) if rng is not None else None
    rows, columns = np.nonzero(ids >= words)
    if not len(rows):
        return result
    rank = _ranks(rows, columns, ids[rows, columns])
    known = rank < slots
    slot = rank[known] if order is None else order[rows[known], rank[known]]
    result[rows, columns] = SPECIAL.unk
    result[rows[known], columns[known]] = words + slot
    return result


def _ranks(rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(N,): the how-many-th distinct value of its row each of N cells holds, by first appearance, from 0."""
    by_value = np.lexsort((columns, values, rows))
    new = np.ones(len(rows), dtype=bool)
    r, v = rows[by_value], values[by_value]
    new[1:] = (r[1:] != r[:-1]) | (v[1:] != v[:-1])
    group = new.cumsum() - 1  # of cells sorted by value
    first_rows, first_columns = r[new], columns[by_value][new]
    by_place = np.lexsort((first_columns, first_rows))
    ordered = first_rows[by_place]
    begins = np.searchsorted(ordered, ordered)  # first group of the same row
    rank_of_group = np.empty(len(ordered), dtype=np.int64)
    rank_of_group[by_place] = np.arange(len(ordered)) - begins
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[by_value] = rank_of_group[group]
    return ranks
