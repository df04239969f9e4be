"""A bounded sample of a stream is uniform and reads it once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from textvae.evaluation.sampling import chunks, reservoir


@given(st.lists(st.integers()), st.integers(1, 20), st.integers(0, 5))
def test_reservoir(items: list[int], size: int, seed: int) -> None:
    kept = reservoir(iter(items), size, seed)
    assert kept == items if len(items) <= size else len(kept) == size
    assert not Counter(kept) - Counter(items)
    assert kept == reservoir(items, size, seed)


def test_every_item_is_equally_likely() -> None:
    found = Counter(item for seed in range(4000) for item in reservoir(range(10), 3, seed))
    assert all(1200 * 0.88 < found[item] < 1200 * 1.12 for item in range(10))


@given(st.lists(st.integers()), st.integers(1, 7))
def test_chunks(items: list[int], size: int) -> None:
    parts = list(chunks(iter(items), size))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1]) and all(parts)
