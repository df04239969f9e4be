"""Slots of a batch: one word one slot, in every row its own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textvae.data.unpaired.slots import assign_slots
from textvae.data.unpaired.tokenized import word_hash
from textvae.tokenization.config import SPECIAL

V, S = 50, 4
NAMES = [word_hash(name) for name in "abcdefg"]
rows_of = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0, 5, 6, 49, *NAMES]), min_size=width, max_size=width), min_size=1, max_size=6
    )
)


@given(rows_of)
def test_without_noise_slots_follow_first_appearance(rows: list[list[int]]) -> None:
    found = assign_slots(np.array(rows), V, S)
    for row, ids in zip(rows, found.tolist(), strict=True):
        order = list(dict.fromkeys(t for t in row if t >= V))
        slots = {t: V + i if i < S else SPECIAL.unk for i, t in enumerate(order)}
        assert ids == [slots.get(t, t) for t in row]


@given(rows_of, st.integers(0, 99))
def test_with_noise_each_row_renumbers_its_slots(rows: list[list[int]], seed: int) -> None:
    plain = assign_slots(np.array(rows), V, S)
    found = assign_slots(np.array(rows), V, S, np.random.default_rng(seed))
    assert (found[plain < V] == plain[plain < V]).all() and found.max() < V + S
    for before, after in zip(plain.tolist(), found.tolist(), strict=True):
        pairs = {(b, a) for b, a in zip(before, after, strict=True) if b >= V}
        assert len({b for b, _ in pairs}) == len(pairs) == len({a for _, a in pairs}), "not one to one"


def test_every_slot_is_equally_likely() -> None:
    """A slot that stood for the first name more often than others would mean a place."""
    rows = np.tile(np.array(NAMES[:2]), (4000, 1))
    found = assign_slots(rows, V, S, np.random.default_rng(0)) - V
    counts = np.bincount(found[:, 0], minlength=S)
    assert counts.min() > 900 and (found[:, 0] != found[:, 1]).all()  # 1000 +- 27


def test_no_slots_at_all() -> None:
    ids = np.array([[5, NAMES[0], 0]])
    assert assign_slots(ids, V, 0, np.random.default_rng(0)).tolist() == [[5, SPECIAL.unk, 0]]
    assert ids[0, 1] == NAMES[0], "the argument was changed"
