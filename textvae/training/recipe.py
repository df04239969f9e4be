"""What a training is made of: phases, the modules they move and the terms they descend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from textvae.training.config import TrainingConfig

Objective = Callable[[Any], Tensor]
"""From what a phase has computed to unreduced values: (B, L) per token or (B,) per example."""

B = TypeVar("B")


class TrainingBatch(Protocol):
    """What the loop asks of a batch; the rest is between the loader and the recipe."""

    def __len__(self) -> int: ...

    @property
    def num_tokens(self) -> int:
        """Tokens to predict."""

    def rows(self: B, start: int, stop: int) -> B:
        """Examples start … stop − 1, which keep their places in the noise."""

    def cuts(self, parts: int) -> list[int]:
        """Where its examples may be divided into at most `parts` nearly equal parts: 0, …, their number."""

    def to(self: B, device: torch.device | str) -> B:
        """The same batch on `device`."""


class TrainingLoader(Protocol):
    """This process's share of every batch, as a pure function of (seed, epoch)."""

    @property
    def steps_per_epoch(self) -> int:
        """Global batches in an epoch."""

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Any]:
        """Batches from number `first` on."""


@dataclass(frozen=True)
class Phase:
    """One optimizer's turn in a step.

    moves: the module it trains; terms: the objectives it descends; updates: how often in a step; every: only in every
    so-many-th step; rate: factor on the module's learning rate; options: what else the recipe is to know of this turn.
    """

    name: str
    moves: str
    terms: tuple[str, ...]
    updates: int = 1
    every: int = 1
    rate: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)


class Recipe:
    """A paper's algorithm as data: who moves, by which terms, in which order.

    modules: every network by name; a phase moves one and freezes the others. objectives: every term by name.
    steps: length of the training where the recipe decides it, else None.
    """

    modules: dict[str, nn.Module]
    phases: tuple[Phase, ...]
    objectives: Mapping[str, Objective]
    steps: int | None = None

    def phases_at(self, step: int) -> tuple[Phase, ...]:
        """The phases of a step, in order."""
        return tuple(p for p in self.phases if step % p.every == 0)

    def weights(self, step: int) -> dict[str, float]:
        """λ of every objective in force at `step`."""
        raise TypeError(f"{type(self).__name__} must define weights")

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        """One for each module, at its peak rate."""
        raise TypeError(f"{type(self).__name__} must define optimizers")

    def run(self, phase: Phase, wrapped: dict[str, nn.Module], batch: Any, previous: Any) -> Any:
        """The forward pass of one phase. `wrapped` are the modules as accelerate prepared them.

        A module that moves is called through its wrapper, which synchronises its gradients; a frozen one is called
        bare. `previous`: what the phase before it (or its own last update) left, None at the start of a step.
        """
        raise TypeError(f"{type(self).__name__} must define run")

    def after(self, phase: Phase, outputs: list[Any]) -> None:
        """Between two phases, with the outputs of every micro-batch."""

    def carry(self, outputs: Any) -> Any:
        """What the next phase may read, outside the graph (which is freed here)."""
        return outputs


@contextmanager
def only_moves(modules: dict[str, nn.Module], name: str) -> Iterator[None]:
    """Freeze every module but one: gradients still pass *through* the frozen ones, none stays in them."""
    switched = [p for other, m in modules.items() if other != name for p in m.parameters() if p.requires_grad]
    for parameter in switched:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in switched:
            parameter.requires_grad_(True)
