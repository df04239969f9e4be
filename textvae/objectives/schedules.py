"""Weights that change with the step: pure functions, so nothing of them has to be saved."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from textvae.errors import UserError

ScheduleName = Literal["constant", "linear", "tanh", "cyclical"]


def constant(progress: float) -> float:
    """1 from the first step on."""
    return 1.0


def linear(progress: float) -> float:
    """progress, up to 1 (Bowman et al. 2016, sec. 3.1, in its linear form)."""
    return min(progress, 1.0)


def tanh(progress: float) -> float:
    """½ (1 + tanh(6 progress − 3)) rescaled to run from exactly 0 to exactly 1.

    The S-curve of the authors' code: slow, steep half way, slow. Theirs stayed near 0 for ever by an off-by-one in
    the step; the laws check steps 0, K − 1 and K.
    """
    if progress >= 1.0:
        return 1.0
    return 0.5 * (1.0 + math.tanh(6.0 * progress - 3.0) / math.tanh(3.0))


def cyclical(progress: float) -> float:
    """Rises over the first half of every cycle, then stays 1 (Fu et al. 2019, eq. 6 with R = ½)."""
    return min(2.0 * (progress % 1.0), 1.0)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "linear": linear,
    "tanh": tanh,
    "cyclical": cyclical,
}


@dataclass
class Weight:
    """λ of one objective and how it gets there."""

    weight: float = 1.0
    """λ. 0 switches the objective off; it is still computed and logged."""
    schedule: ScheduleName = "constant"
    """constant; linear, tanh: from 0 to λ over `steps`; cyclical: again and again, a cycle of `steps`."""
    steps: int = 0
    """K: steps until λ is reached, or the length of a cycle."""
    start: int = 0
    """Steps during which the weight is 0 before the schedule begins."""

    def __post_init__(self) -> None:
        if self.schedule != "constant" and self.steps < 1:
            raise UserError(f"schedule {self.schedule!r} needs steps >= 1, not {self.steps}")
        if self.start < 0:
            raise UserError(f"a schedule cannot start at step {self.start}")

    def at(self, step: int) -> float:
        """The weight in force at `step`, counted from 0: 0 at step `start`, λ at step `start + steps`."""
        if step < self.start:
            return 0.0
        progress = (step - self.start) / self.steps if self.steps else 1.0
        return self.weight * SCHEDULES[self.schedule](progress)
