"""Integer frequencies: of a network's probabilities, and tables that learn from what went before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textvae.extras.compression.range_coder import Coder

TOTAL = 1 << 24
"""Sum of the frequencies of a distribution over words. With 10,000 words the least a word has costs 0.09 %."""


def cumulative(probabilities: np.ndarray) -> np.ndarray:
    """Integer distribution functions (N, K + 1), from 0 to TOTAL, of probabilities (N, K) float64 that sum to about 1.

    f_k = 1 + ⌊p_k (TOTAL − K − slack)⌋, and what is left goes to the likeliest symbol: every symbol can be coded, and
    the same floats give the same integers.
    """
    rows, size = probabilities.shape
    if size >= TOTAL // 4:
        raise ValueError(f"{size} symbols are too many for {TOTAL} shares")
    slack = 64  # sums of 10,000 rounded probabilities stay within 1 + 2^-20
    scaled = np.nan_to_num(probabilities, nan=0.0, posinf=0.0).clip(0.0, 1.0) * (TOTAL - size - slack)
    found = np.zeros((rows, size + 1), np.int64)
    frequencies = found[:, 1:]
    frequencies[:] = scaled.astype(np.int64) + 1
    left = TOTAL - frequencies.sum(1)
    frequencies[np.arange(rows), probabilities.argmax(1)] += left
    if (frequencies < 1).any():
        raise ValueError("probabilities must sum to 1")
    np.cumsum(found, axis=1, out=found)
    return found


class AdaptiveTable:
    """A small alphabet whose frequencies are how often each symbol was seen, and one each to begin with."""

    def __init__(self, size: int, gain: int = 24):
        self.frequencies, self.gain = [1] * size, gain

    def code(self, coder: Coder, symbol: int | None) -> int:
        """One symbol, which is then likelier."""
        sums = [0]
        for frequency in self.frequencies:
            sums.append(sums[-1] + frequency)
        found = coder.code(sums, symbol)
        self.frequencies[found] += self.gain
        if sums[-1] > 1 << 14:  # forget slowly, so that what comes late is learnt too
            self.frequencies = [(f + 1) // 2 for f in self.frequencies]
        return found


class AdaptiveNumber:
    """Integers from 0: Elias's gamma code (1975) with adaptive bits, the length in unary and then the digits."""

    def __init__(self, longest: int = 32):
        self.length = [AdaptiveTable(2) for _ in range(longest + 1)]
        self.digits = [AdaptiveTable(2) for _ in range(longest + 1)]

    def code(self, coder: Coder, number: int | None) -> int:
        """One number."""
        wanted = None if number is None else (number + 1).bit_length() - 1
        bits = 0
        while bits < len(self.length) - 1:
            if not self.length[bits].code(coder, None if wanted is None else int(bits < wanted)):
                break
            bits += 1
        value = 1
        for place in reversed(range(bits)):
            digit = None if number is None else ((number + 1) >> place) & 1
            value = 2 * value + self.digits[place].code(coder, digit)
        return value - 1


class CodeTables:
    """Quantised latents: K codes in each of Z dimensions, each with frequencies of its own.

    They begin as the prior N(0, 1) has it between the borders of the codes, weighing like WEIGHT sentences, and learn
    when `learn` is called; both sides call it after every block.
    """

    WEIGHT = 16
    SCALE = 64

    def __init__(self, borders: np.ndarray, size: int):
        """borders: (K − 1,) between the codes, rising."""
        from scipy.special import ndtr

        edges = np.concatenate(([-np.inf], borders, [np.inf]))
        shares = np.diff(ndtr(edges))
        start = 1 + np.floor(shares * self.WEIGHT * self.SCALE).astype(np.int64)
        self.frequencies = np.tile(start, (size, 1))
        self._sum()

    @classmethod
    def of_codebooks(cls, size: int, codes: int) -> CodeTables:
        """For `codes` codes from codebooks of `size` entries, all alike to begin with."""
        tables = cls(np.zeros(0), codes)
        tables.frequencies = np.full((codes, size), max(1, cls.WEIGHT * cls.SCALE // size), np.int64)
        tables._sum()
        return tables

    def _sum(self) -> None:
        self.cumulative = np.zeros((len(self.frequencies), self.frequencies.shape[1] + 1), np.int64)
        np.cumsum(self.frequencies, axis=1, out=self.cumulative[:, 1:])
        self._rows: list[list[int]] = self.cumulative.tolist()

    def learn(self, codes: np.ndarray) -> None:
        """Count codes (n, Z)."""
        if not len(codes):
            return
        places = np.arange(len(self.frequencies))
        for row in codes:
            self.frequencies[places, row] += self.SCALE
        while self.frequencies.sum(1).max() > 1 << 24:
            self.frequencies = (self.frequencies + 1) // 2
        self._sum()

    def bits(self, codes: np.ndarray) -> np.ndarray:
        """What each row of codes (n, Z) would cost now."""
        places = np.arange(len(self.frequencies))
        taken = self.frequencies[places, codes]
        found: np.ndarray = (np.log2(self.cumulative[:, -1]) - np.log2(taken)).sum(1)
        return found

    def code(self, coder: Coder, codes: Sequence[int] | None) -> list[int]:
        """One vector of codes (Z,)."""
        given: Sequence[int | None] = [None] * len(self._rows) if codes is None else codes
        return [coder.code(row, None if c is None else int(c)) for row, c in zip(self._rows, given, strict=True)]
