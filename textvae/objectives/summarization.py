"""The objectives of the summarizer by name: one weight and one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from torch import Tensor

from textvae.objectives.config import SummarizationObjectives


def per_word(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the words of each text: (B, L) and mask (B, L) → (B,), 0 for a text without words.

    A long document then weighs no more than a short one.
    """
    return values.where(mask, 0.0).sum(1) / mask.sum(1).clamp(min=1)


@dataclass(frozen=True)
class Outputs:
    """What one phase has computed on a batch: values[J] (B,), one number an example."""

    values: Mapping[str, Tensor]


def _read(name: str) -> Callable[[Outputs], Tensor]:
    return lambda outputs: outputs.values[name]


OBJECTIVES: dict[str, Callable[[Outputs], Tensor]] = {f.name: _read(f.name) for f in fields(SummarizationObjectives)}
