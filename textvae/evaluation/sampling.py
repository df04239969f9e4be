"""Reading streams in bounded memory: a uniform sample, and chunks."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def reservoir(items: Iterable[T], size: int, seed: int) -> list[T]:
    """Return `items` in order when there are at most `size`, otherwise `size` of them, each equally likely.

    Algorithm R (Vitter 1985, "Random sampling with a reservoir", section 2): one pass, memory O(size).
    """
    rng = random.Random(seed)
    kept: list[T] = []
    for number, item in enumerate(items):
        if number < size:
            kept.append(item)
        elif (slot := int(rng.random() * (number + 1))) < size:
            kept[slot] = item
    return kept


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of `size` items, the last one shorter (Python 3.12 has it in itertools)."""
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk
