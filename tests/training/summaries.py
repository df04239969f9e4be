"""Tiny summarizers and unpaired data for the tests of their training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from tests.laws import tiny_accelerator
from textvae.checkpoint import Checkpoints
from textvae.data.unpaired.batch import Sequences, UnpairedBatch
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.models.seq2seq2seq_configuration import Seq2Seq2SeqModelConfig, pretrained_config
from textvae.modules.config import CriticConfig, LanguageModelConfig, Seq2SeqConfig
from textvae.modules.noise import NoiseKey, mix
from textvae.objectives.config import SummarizationObjectives, Weight
from textvae.objectives.summarization import OBJECTIVES
from textvae.training.config import AdversarialConfig, StageConfig, TrainingConfig
from textvae.training.progress import SilentReporter
from textvae.training.seq2seq2seq import Seq2Seq2SeqRecipe
from textvae.training.trainer import Trainer

VOCABULARY, SLOTS, LONGEST_DOCUMENT, LONGEST_TEXT = 31, 3, 9, 5
ESTIMATORS = ("reinforce", "soft", "straight_through")


def tiny_batch(size: int = 6, seed: int = 0) -> UnpairedBatch:
    """Random documents, texts, and longer noised texts."""
    rng = np.random.default_rng(seed)

    def sequences(shortest: int, longest: int) -> Sequences:
        lengths = rng.integers(shortest, longest + 1, size)
        return Sequences.of([rng.integers(5, VOCABULARY + SLOTS, n).tolist() for n in lengths])

    documents, texts = sequences(3, LONGEST_DOCUMENT), sequences(1, LONGEST_TEXT)
    return UnpairedBatch(documents, texts, sequences(4, LONGEST_DOCUMENT), NoiseKey(mix(7, seed), 0, size))


@dataclass(frozen=True)
class TinyLoader:
    """Three batches an epoch, the last one small."""

    rank: int = 0
    world_size: int = 1
    steps_per_epoch: int = 3

    def epoch(self, epoch: int, first: int = 0) -> Iterator[UnpairedBatch]:
        for number in range(first, self.steps_per_epoch):
            size = 3 if number == self.steps_per_epoch - 1 else 6
            batch = tiny_batch(size, mix(epoch, number) % 1000)
            yield batch.rows(size * self.rank // self.world_size, size * (self.rank + 1) // self.world_size)


def tiny_recipe(
    estimator: str = "soft",
    kind: str = "lstm",
    dropout: float = 0.0,
    dtype: torch.dtype = torch.float64,
    **options: Any,
) -> Seq2Seq2SeqRecipe:
    """Two steps of every stage; every objective has weight .5."""
    torch.manual_seed(0)
    network: dict[str, Any] = {"kind": kind, "size": 8, "heads": 2, "embedding_size": 6, "dropout": dropout}
    config = Seq2Seq2SeqModelConfig(
        generator=Seq2SeqConfig(**network),
        reconstructor=Seq2SeqConfig(**{**network, "size": 4, "embedding_size": 4}, word_dropout=0.5),
        slots=SLOTS,
    )
    model = Seq2Seq2Seq(pretrained_config(config, VOCABULARY + SLOTS, LONGEST_DOCUMENT, LONGEST_TEXT)).train()
    critic = CriticConfig(
        kind="recurrent" if estimator == "reinforce" else "residual", embedding_size=5, size=6, blocks=1
    )
    adversarial = AdversarialConfig(
        estimator=estimator,  # type: ignore[arg-type]
        critic=critic,
        language_model=LanguageModelConfig(embedding_size=4, size=5, dropout=dropout),
        **options,
    )
    stages = [StageConfig(name, 2) for name in ("denoise", "reconstructor", "back_translation", "adversarial")]  # type: ignore[arg-type]
    idf = torch.linspace(0.1, 3.0, VOCABULARY + SLOTS, dtype=dtype)
    objectives = SummarizationObjectives(**{name: Weight(0.5) for name in OBJECTIVES})
    recipe = Seq2Seq2SeqRecipe(model, objectives, stages, adversarial, idf)
    for module in recipe.modules.values():
        module.to(dtype)
    return recipe


def tiny_trainer(
    folder: Path,
    loader: Any = None,
    validate: Callable[[int], dict[str, float]] | None = None,
    training: dict[str, Any] | None = None,
    accelerator: Accelerator | None = None,
    **recipe: Any,
) -> Trainer:
    """A trainer of a new summarizer, always with the same initial weights."""
    accelerator = accelerator or tiny_accelerator()
    config = TrainingConfig(**{"batch_size": 6, "log_every": 1, "seed": 5, **(training or {})})
    loader = loader or TinyLoader(accelerator.process_index, accelerator.num_processes)
    checkpoints = Checkpoints(folder, config.keep_checkpoints)
    return Trainer(accelerator, tiny_recipe(**recipe), loader, config, checkpoints, validate, reporter=SilentReporter())


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Modules of which a parameter changed."""
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
