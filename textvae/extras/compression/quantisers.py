"""Real numbers to codes 0 ... K − 1 and back: uniformly, or with μ-law companding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.errors import UserError

KINDS = ("uniform", "mulaw")
CODEBOOK = "codebook"
"""The model's own codes, where it has any, instead of a quantiser."""
MU = 255.0
"""μ of ITU-T G.711."""


@dataclass(frozen=True)
class Quantiser:
    """K = `levels` codes over [−limit, limit]; what lies beyond is clipped.

    uniform: steps of equal width. mulaw: equal steps of F(x) = sgn(x) ln(1 + μ|x|/limit) / ln(1 + μ), so that small
    numbers, of which there are more, are kept finer (ITU-T G.711). With an odd K zero is kept exactly.
    """

    kind: str
    levels: int
    limit: float

    def __post_init__(self) -> None:
        if self.kind not in (*KINDS, CODEBOOK):
            raise UserError(f"a quantiser is one of {', '.join((*KINDS, CODEBOOK))}, not {self.kind!r}")
        if not 2 <= self.levels <= 4096:
            raise UserError(f"levels must be from 2 to 4096, not {self.levels}")
        if not (np.isfinite(self.limit) and self.limit > 0):
            raise UserError(f"the limit of a quantiser must be above 0, not {self.limit}")

    def companded(self, x: np.ndarray) -> np.ndarray:
        """[−limit, limit] to [−1, 1]."""
        scaled = x.astype(np.float64) / self.limit
        if self.kind == "uniform":
            return scaled
        found: np.ndarray = np.sign(scaled) * np.log1p(MU * np.abs(scaled)) / np.log1p(MU)
        return found

    def expanded(self, y: np.ndarray) -> np.ndarray:
        """[−1, 1] to [−limit, limit]."""
        found: np.ndarray = y if self.kind == "uniform" else np.sign(y) * np.expm1(np.abs(y) * np.log1p(MU)) / MU
        return found * self.limit

    def codes(self, x: np.ndarray) -> np.ndarray:
        """The nearest code of each number, in companded units."""
        places = np.rint((self.companded(x) + 1) / 2 * (self.levels - 1))
        return places.clip(0, self.levels - 1).astype(np.int64)

    def values(self, codes: np.ndarray) -> np.ndarray:
        """What codes stand for, float32."""
        return self.expanded(2 * codes / (self.levels - 1) - 1.0).astype(np.float32)

    def borders(self) -> np.ndarray:
        """(K − 1,) numbers between the codes."""
        return self.expanded((2 * np.arange(self.levels - 1) + 1) / (self.levels - 1) - 1.0)
