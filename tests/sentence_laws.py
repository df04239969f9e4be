"""Tiny sentence autoencoders of every latent, and trainers of them, beside `tests/laws.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from tests.laws import (
    FEW,
    LABELS,
    LONGEST,
    VOCABULARY,
    latent_kinds,
    share_of,
    tiny_accelerator,
    tiny_corpus,
    tiny_loader,
)
from textvae.checkpoint import Checkpoints
from textvae.models.sentence_configuration import SentenceModelConfig, saved_config
from textvae.models.sentence_vae import SentenceVAE
from textvae.modules.config import DecoderConfig, EncoderConfig, LatentConfig
from textvae.objectives.config import SentenceObjectives, Weight
from textvae.training.config import PriorGameConfig, TrainingConfig
from textvae.training.sentence_vae import SentenceRecipe
from textvae.training.trainer import Trainer

SIZE = 4
KINDS = latent_kinds()


def sentence_config(
    latent: str = "gaussian",
    prior: str = "standard",
    encoder: str = "gru",
    decoder: str = "gru",
    dropout: float = 0.0,
    bag_of_words: bool = False,
    **options: Any,
) -> SentenceModelConfig:
    """A few units everywhere; options: of the latent."""
    return SentenceModelConfig(
        encoder=EncoderConfig(kind=encoder, size=8, heads=2, dropout=dropout),  # type: ignore[arg-type]
        decoder=DecoderConfig(kind=decoder, size=12, heads=2, dropout=dropout),  # type: ignore[arg-type]
        latent=LatentConfig(**{"kind": latent, "size": SIZE, "prior": prior, **FEW, "slots": 2, **options}),  # type: ignore[arg-type]
        embedding_size=6,
        embedding_dropout=dropout,
        bag_of_words=bag_of_words,
    )


def sentence_model(seed: int = 0, dtype: torch.dtype = torch.float64, **options: Any) -> SentenceVAE:
    """A model in eval mode."""
    torch.manual_seed(seed)
    return SentenceVAE(saved_config(sentence_config(**options), VOCABULARY, LABELS, LONGEST + 2)).to(dtype).eval()


def sentence_trainer(
    folder: Path,
    networks: dict[str, Any] | None = None,
    game: PriorGameConfig | None = None,
    accelerator: Accelerator | None = None,
    **training: Any,
) -> Trainer:
    """A trainer of a new network: 27 sentences are 4 steps of 8, the last of 3."""
    accelerator = accelerator or tiny_accelerator()
    config = TrainingConfig(**{"batch_size": 8, "epochs": 2, "log_every": 1, "seed": 5, **training})
    networks = {"bag_of_words": True, **(networks or {})}
    model = sentence_model(**networks).train()
    torch.manual_seed(7)
    recipe = SentenceRecipe(model, sentence_objectives(), game or PriorGameConfig(hidden=7, updates=2))
    if recipe.game is not None:
        recipe.game.critic.to(model.embedding.weight.dtype)
    checkpoints = Checkpoints(folder, config.keep_checkpoints)
    loader = tiny_loader(tiny_corpus(27), config.batch_size, **share_of(accelerator))
    return Trainer(accelerator, recipe, loader, config, checkpoints)


def sentence_objectives(weight: float = 0.5) -> SentenceObjectives:
    """Every objective switched on, so that none can hide."""
    return SentenceObjectives(**{name: Weight(weight) for name in SentenceObjectives.__dataclass_fields__})
