"""What the configurations of all tasks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textvae.text import TextConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.training.config import TrainingConfig


class Sections:
    """Sections of every configuration, of which each task declares its own as fields."""

    data: Any
    text: TextConfig
    tokenizer: TokenizerConfig
    model: Any
    objectives: Any
    training: TrainingConfig


@dataclass
class RunConfig(Sections):
    """The head of every configuration."""

    task: str
    """What is trained."""
    run: str
    """Run directory: configuration, tokenizer, checkpoints, metrics, best model."""
    start: str | None = None
    """Run to start from: its tokenizer, and the networks of its newest checkpoint that have the same sizes here."""
    cache: str | None = None
    """Folder of prepared data. Default: $XDG_CACHE_HOME/textvae, or ~/.cache/textvae."""
