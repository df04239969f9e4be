"""What the configurations of all tasks share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from textvae.errors import UserError
from textvae.modules.config import DecoderConfig, EncoderConfig
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
class RunOptions:
    """What the evaluations of single runs share."""

    split: Literal["test", "dev"] | None = None
    """Part of the data. Default: test if the run has one, else dev."""
    save: str | None = None
    """Folder for metrics.json. Default: RUN/evaluation."""
    cache: str | None = None
    """Folder of prepared data and trained instruments. Default: that of the run, or ~/.cache/textvae."""

    def folder(self, run: Path) -> Path:
        """Where the result goes; made if it is not there."""
        folder = Path(self.save) if self.save else run / "evaluation"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


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


def with_tokenizer_of_parts(
    tokenizer: TokenizerConfig, encoder: EncoderConfig, decoder: DecoderConfig, start: str | None
) -> TokenizerConfig:
    """The tokenizer, that of the pretrained parts where it names none; UserError where the two do not go together."""
    sources = [part.pretrained for part in (encoder, decoder) if part.kind == "pretrained"]
    if sources and tokenizer.kind != "pretrained" and start is None:
        raise UserError(
            f"tokenizer.kind is {tokenizer.kind}, but a pretrained part knows only its own vocabulary; "
            "set tokenizer.kind pretrained"
        )
    if tokenizer.kind == "pretrained" and tokenizer.pretrained is None and sources:
        return replace(tokenizer, pretrained=sources[0])
    return tokenizer
