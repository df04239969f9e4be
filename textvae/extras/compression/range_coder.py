"""Arithmetic coding with exact integers: a range coder whose two directions share every line that models use.

Martin 1979, "Range encoding: an algorithm for removing redundancy from a digitised message". A message is a number in
[0, 1); a symbol of frequency f out of F narrows the interval to f/F of it, so it costs log2(F/f) bits, and all
symbols together less than two bytes more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

import numpy as np

BITS = 56
"""Width of the interval's lower end; a byte leaves when the highest one is settled."""
LARGEST_TOTAL = 1 << 32
"""Greatest sum of frequencies: the interval is never narrower than 2^48, so rounding costs under 2^-16 bits."""

_MASK = (1 << BITS) - 1
_BOTTOM = 1 << (BITS - 8)

Cumulative = Sequence[int] | np.ndarray
"""0, f_0, f_0 + f_1, ..., F: rising integers, K + 1 of them for K symbols; what does not rise has frequency 0."""


class Coder(Protocol):
    """A direction. A model that goes through `code` alone reads exactly what it wrote."""

    def code(self, cumulative: Cumulative, symbol: int | None) -> int:
        """Write `symbol` (an encoder) or find it (a decoder, which is given None); returns it."""


class RangeEncoder:
    """Symbols to bytes."""

    def __init__(self) -> None:
        self.low, self.range, self.out = 0, 1 << BITS, bytearray()

    def code(self, cumulative: Cumulative, symbol: int | None) -> int:
        """Write a symbol; ValueError where it has no frequency."""
        assert symbol is not None
        start, end, total = int(cumulative[symbol]), int(cumulative[symbol + 1]), int(cumulative[-1])
        if not 0 <= start < end <= total <= LARGEST_TOTAL:
            raise ValueError(f"symbol {symbol} has frequency {end - start} out of {total}: it cannot be coded")
        step = self.range // total
        self.low += start * step
        self.range = (end - start) * step if end < total else self.range - start * step
        if self.low > _MASK:
            self.low &= _MASK
            self._carry()
        while self.range <= _BOTTOM:
            self.out.append(self.low >> (BITS - 8))
            self.low = (self.low << 8) & _MASK
            self.range <<= 8
        return symbol

    def _carry(self) -> None:
        place = len(self.out) - 1
        while self.out[place] == 255:
            self.out[place] = 0
            place -= 1
        self.out[place] += 1

    def finish(self) -> bytes:
        """All bytes: the shortest number in the interval, without the zeros at its end, which a decoder adds."""
        for kept in range(8, BITS + 1, 8):
            unit = 1 << (BITS - kept)
            value = -(-self.low // unit) * unit
            if value < self.low + self.range:
                break
        if value > _MASK:
            self._carry()
        self.out += (value & _MASK).to_bytes(BITS // 8, "big")
        return bytes(self.out).rstrip(b"\0")


class RangeDecoder:
    """Bytes to symbols, under the same frequencies in the same order. Damaged bytes give other symbols, never more."""

    def __init__(self, data: bytes):
        self.data, self.place, self.range = data, 0, 1 << BITS
        self.value = 0
        for _ in range(BITS // 8):
            self.value = (self.value << 8) | self._byte()

    def _byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1] if self.place <= len(self.data) else 0

    def code(self, cumulative: Cumulative, symbol: int | None = None) -> int:
        """The next symbol."""
        total = int(cumulative[-1])
        step = self.range // total
        target = min(self.value // step, total - 1)
        if isinstance(cumulative, np.ndarray):
            found = int(np.searchsorted(cumulative, target, side="right")) - 1
        else:
            found = bisect_right(cumulative, target) - 1
        start, end = int(cumulative[found]), int(cumulative[found + 1])
        self.value -= start * step
        self.range = (end - start) * step if end < total else self.range - start * step
        while self.range <= _BOTTOM:
            self.value = ((self.value << 8) | self._byte()) & _MASK
            self.range <<= 8
        return found
