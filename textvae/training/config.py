"""How long, how fast, how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textvae.errors import UserError


@dataclass
class TrainingConfig:
    """The loop: optimizers, length, checkpoints, evaluation."""

    batch_size: int = 128
    """Sentences in a step, over all processes and micro-batches."""
    accumulation: int = 1
    """Micro-batches a step is split into on each process; the result does not change, memory does."""
    epochs: int | None = 10
    """Passes over the training sentences; null: as many as `max_steps` takes, so that small data train as long."""
    max_steps: int | None = None
    """Stop after this many steps, whatever `epochs` says."""
    learning_rate: float = 1e-3
    """Peak rate of the model's Adam."""
    adversary_learning_rate: float = 1e-3
    """Rate of the adversaries' RMSProp."""
    adversary_updates: int = 1
    """Updates of the adversaries in a step, all on the step's latents."""
    warmup_steps: int = 0
    """Steps over which both rates rise from 0."""
    decay: Literal["constant", "linear", "cosine"] = "linear"
    """What becomes of both rates after the warm-up: linear and cosine end at a tenth of the peak."""
    weight_decay: float = 0.0
    """Decoupled weight decay of the model (AdamW where above 0)."""
    clip_norm: float = 5.0
    """Largest gradient norm of each phase; 0 switches clipping off."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 where the processor computes in it, else fp32."""
    seed: int = 0
    """Seed of everything random. Two runs with one seed on one machine are equal bit for bit."""
    checkpoint_every: int = 500
    """Steps between checkpoints; one is also written at the end of an epoch and when the run is stopped."""
    keep_checkpoints: int = 2
    """Newest checkpoints to keep."""
    evaluate_every: int | None = None
    """Steps between evaluations on dev. Default: once an epoch."""
    patience: int | None = None
    """Stop after this many evaluations without a better dev score. Default: never."""
    log_every: int = 20
    """Steps between log lines; also how often NaN is looked for."""
    trackers: tuple[Literal["jsonl", "tensorboard"], ...] = ("jsonl",)
    """Where metrics go: metrics.jsonl in the run directory, tensorboard (pip install textvae[track])."""

    def __post_init__(self) -> None:
        counts = ("batch_size", "accumulation", "adversary_updates", "checkpoint_every")
        for name in (*counts, "keep_checkpoints", "log_every"):
            if getattr(self, name) < 1:
                raise UserError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        if self.epochs is None and self.max_steps is None:
            raise UserError("training.epochs and training.max_steps are both null: one of them must end the training")
        for name in ("epochs", "max_steps", "evaluate_every", "patience"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("clip_norm", "weight_decay", "warmup_steps"):
            if not getattr(self, name) >= 0:
                raise UserError(f"training.{name} must not be negative, as {getattr(self, name)} is")
        if not (self.learning_rate > 0 and self.adversary_learning_rate > 0):
            raise UserError("learning rates must be positive")
        if self.batch_size % self.accumulation:
            raise UserError(f"batch_size {self.batch_size} is not a multiple of accumulation {self.accumulation}")

    def steps(self, steps_per_epoch: int, wanted: int | None = None) -> int:
        """Length of the training: `wanted` of the recipe or else that of the epochs, and at most `max_steps`."""
        if wanted is None and self.epochs is not None:
            wanted = self.epochs * steps_per_epoch
        return min(length for length in (wanted, self.max_steps) if length is not None)
