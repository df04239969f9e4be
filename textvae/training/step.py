"""One training step: every phase, over every micro-batch, on every process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from textvae.training.recipe import Objective, Phase, Recipe, TrainingBatch, only_moves


@dataclass(frozen=True)
class Totals:
    """Sentences and tokens of the *global* batch: what sums are divided by, whatever the split."""

    sentences: int
    tokens: int


def weighted_loss(
    objectives: Mapping[str, Objective],
    terms: Sequence[str],
    outputs: Any,
    weights: dict[str, float],
    totals: Totals,
    world_size: int,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Σ λ J over one micro-batch, and every J's share of its global mean (detached), weight 0 included.

    Per-token terms (B, L) are divided by the global number of tokens, per-sentence terms (B,) by that of sentences.
    The factor world_size undoes the mean that DDP takes over processes.
    """
    loss: Tensor | float = 0.0
    shares = {}
    for name in terms:
        values = objectives[name](outputs)
        share = values.sum() / (totals.tokens if values.dim() == 2 else totals.sentences)
        loss = loss + weights[name] * world_size * share
        shares[name] = share.detach()
    assert isinstance(loss, Tensor)
    return loss, shares


@dataclass(frozen=True)
class Stepper:
    """Everything a step needs that does not change between steps."""

    accelerator: Accelerator
    recipe: Recipe
    wrapped: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    clip_norm: float
    timed: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext
    """timed("forward" | "backward" | "optimizer") surrounds each part, for scripts/benchmark.py."""

    def step(
        self, micro_batches: Sequence[TrainingBatch], weights: dict[str, float], totals: Totals, number: int = 0
    ) -> dict[str, Tensor]:
        """Run all phases of step `number`.

        Returns `PHASE/J`, `PHASE/loss` and `PHASE/grad_norm` of this process's share, on device.
        """
        logs: dict[str, Tensor] = {}
        outputs: list[Any] = [None] * len(micro_batches)
        for phase in self.recipe.phases_at(number):
            with only_moves(self.recipe.modules, phase.moves):
                for _ in range(phase.updates):
                    update, found = self.update(phase, micro_batches, outputs, weights, totals)
                    outputs = found
            self.recipe.after(phase, found)
            logs |= {f"{phase.name}/{name}": value for name, value in update.items()}
        return logs

    def update(
        self,
        phase: Phase,
        micro_batches: Sequence[TrainingBatch],
        previous: list[Any],
        weights: dict[str, float],
        totals: Totals,
    ) -> tuple[dict[str, Tensor], list[Any]]:
        """One update of the module that a phase moves; returns its logs and the outputs of every micro-batch."""
        module, optimizer = self.wrapped[phase.moves], self.optimizers[phase.moves]
        logs: dict[str, Tensor] = {}
        outputs: list[Any] = []
        for batch, before in zip(micro_batches, previous, strict=True):
            synchronise = len(outputs) + 1 == len(micro_batches)  # gradients meet once, at the last micro-batch
            with contextlib.nullcontext() if synchronise else self.accelerator.no_sync(module):
                with self.timed("forward"), self.accelerator.autocast():
                    current = self.recipe.run(phase, self.wrapped, batch, before)
                    loss, shares = weighted_loss(
                        self.recipe.objectives, phase.terms, current, weights, totals, self.accelerator.num_processes
                    )
                with self.timed("backward"):
                    self.accelerator.backward(loss)
            outputs.append(self.recipe.carry(current))
            shares["loss"] = loss.detach() / self.accelerator.num_processes
            logs = {name: logs[name] + value if name in logs else value for name, value in shares.items()}
        with self.timed("optimizer"):
            logs["grad_norm"] = self.clip(module)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return logs, outputs

    def clip(self, module: nn.Module) -> Tensor:
        """Clip the phase's gradient to `clip_norm` (0: only measure it); returns the norm before."""
        limit = self.clip_norm if self.clip_norm > 0 else float("inf")
        norm = self.accelerator.clip_grad_norm_(module.parameters(), limit)
        assert isinstance(norm, Tensor)
        return norm.detach()
