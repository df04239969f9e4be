"""What every task brings to a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from textvae.training.recipe import Recipe, TrainingLoader


class PreparedData(Protocol):
    """Data and tokenizer of a run."""

    @property
    def fingerprint(self) -> str:
        """sha256 over the sources."""

    def facts(self) -> dict[str, Any]:
        """What data.json tells; `fingerprint` is among it."""

    def report(self) -> list[str]:
        """What was found dubious, a line each."""


@dataclass(frozen=True)
class Assembled:
    """A training put together.

    model: what users get; recipe: how it learns; validate(step) → metrics on dev, of which dev/score chooses the best
    model; save(folder, metrics): write the model that users load; size: of data and vocabulary, for people.
    """

    model: nn.Module
    recipe: Recipe
    loader: TrainingLoader
    validate: Callable[[int], dict[str, float]]
    save: Callable[[Path, int, dict[str, float]], None]
    size: str
