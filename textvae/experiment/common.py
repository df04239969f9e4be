"""What the tasks do alike: rows for their loaders, the best model on disk, and a card of where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel

from textvae.config import RunConfig
from textvae.data.batch import Collator
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.experiment.preparation import PreparedSentences
from textvae.files import atomic_write

Save = Callable[[Path, int, dict[str, float]], None]
"""save(folder, step, metrics)."""


def rows_of(
    config: RunConfig, prepared: PreparedSentences, accelerator: Accelerator
) -> tuple[TokenizedCorpus, Collator, int, int, int, int]:
    """What every loader of sentences takes first: they, how they become batches, and the share of this process."""
    training, collator = config.training, prepared.collator(getattr(config, "noise", NoiseConfig()))
    share = accelerator.process_index, accelerator.num_processes
    return prepared.train, collator, training.batch_size, training.seed, *share


def saver(model: PreTrainedModel, card: Callable[[int, dict[str, float]], str]) -> Save:
    """What writes the weights of a model, and as README.md the card of a step and its metrics on dev."""

    def save(folder: Path, step: int, metrics: dict[str, float]) -> None:
        model.save_pretrained(folder)
        with atomic_write(folder / "README.md") as handle:
            handle.write(card(step, metrics))

    return save


def trained(run: str, model: nn.Module, step: int, metrics: dict[str, float]) -> dict[str, Any]:
    """What every card tells of a training: command and commit, step, metrics on dev, size."""
    environment = json.loads((Path(run) / "environment.json").read_text(encoding="utf-8"))
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "command": environment["command"],
        "commit": environment["commit"],
        "step": step,
        "metrics": metrics,
    }


def described(
    config: RunConfig, prepared: PreparedSentences, model: nn.Module, step: int, metrics: dict[str, float]
) -> dict[str, Any]:
    """What the card of a model of one corpus tells beside what kind of model it is."""
    corpus, objectives = prepared.corpus, config.objectives
    weights = {f.name: getattr(objectives, f.name) for f in fields(objectives)}
    return {
        **trained(config.run, model, step, metrics),
        "vocabulary": len(prepared.tokenizer),
        "max_words": config.data.max_tokens,
        "data_name": f"{config.data.source}: {Path(config.data.path).name}",
        "fingerprint": corpus.fingerprint,
        "sentences": {"train": len(corpus.train), "dev": len(corpus.dev)},
        "weights": {name: weight.at(step) for name, weight in weights.items() if hasattr(weight, "at")},
    }
