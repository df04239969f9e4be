"""Tiny grammars of every kind, and trainers of them, beside `tests/laws.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from tests.laws import LABELS, LONGEST, VOCABULARY, share_of, tiny_accelerator, tiny_corpus, tiny_loader
from textvae.checkpoint import Checkpoints
from textvae.extras.trees.compound_pcfg import CompoundPCFG
from textvae.extras.trees.config import GrammarConfig, TreeModelConfig, TreeObjectives, saved_tree_config
from textvae.extras.trees.recipe import TreeRecipe
from textvae.modules.config import EncoderConfig, LatentConfig
from textvae.training.config import TrainingConfig
from textvae.training.trainer import Trainer

GRAMMARS = [("neural", "gru"), ("compound", "gru"), ("compound", "transformer")]
every_grammar = pytest.mark.parametrize(("kind", "encoder"), GRAMMARS)


def tree_model(
    kind: str = "compound",
    encoder: str = "gru",
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    latent_kind: str = "gaussian",
    **latent: Any,
) -> CompoundPCFG:
    """A grammar of a few symbols in eval mode."""
    torch.manual_seed(seed)
    config = TreeModelConfig(
        kind=kind,  # type: ignore[arg-type]
        grammar=GrammarConfig(4, 5, 6),
        encoder=EncoderConfig(kind=encoder, size=8, heads=2),  # type: ignore[arg-type]
        latent=LatentConfig(**{"kind": latent_kind, "size": 3, **latent}),
        embedding_size=7,
    )
    return CompoundPCFG(saved_tree_config(config, VOCABULARY, LABELS, LONGEST + 2)).to(dtype).eval()


def tree_trainer(
    folder: Path, networks: dict[str, Any] | None = None, accelerator: Accelerator | None = None, **training: Any
) -> Trainer:
    """A trainer of a new grammar: 27 sentences are 4 steps of 8, the last of 3."""
    accelerator = accelerator or tiny_accelerator()
    config = TrainingConfig(**{"batch_size": 8, "epochs": 2, "log_every": 1, "seed": 5, **training})
    recipe = TreeRecipe(tree_model(**(networks or {})).train(), TreeObjectives())
    checkpoints = Checkpoints(folder, config.keep_checkpoints)
    loader = tiny_loader(tiny_corpus(27), config.batch_size, **share_of(accelerator))
    return Trainer(accelerator, recipe, loader, config, checkpoints)
