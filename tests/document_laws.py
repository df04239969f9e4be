"""Tiny hierarchical autoencoders, documents and trainers, beside `tests/laws.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from tests.laws import FIRST_WORD, LONGEST, VOCABULARY, share_of, tiny_accelerator, tiny_collator
from textvae.checkpoint import Checkpoints
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.extras.documents.config import HierarchicalModelConfig, HierarchicalObjectives, hierarchical_config
from textvae.extras.documents.hierarchical_vae import HierarchicalVAE
from textvae.extras.documents.loader import DocumentBatch, DocumentLoader
from textvae.extras.documents.recipe import HierarchicalRecipe
from textvae.modules.config import DecoderConfig, EncoderConfig, LatentConfig
from textvae.objectives.config import Weight
from textvae.training.config import TrainingConfig
from textvae.training.trainer import Trainer

SENTENCE_SIZE, DOCUMENT_SIZE = 3, 5
DOCUMENTS = 7


def hierarchical_model_config(
    encoder: str = "gru", decoder: str = "gru", dropout: float = 0.0
) -> HierarchicalModelConfig:
    """A few units everywhere."""
    return HierarchicalModelConfig(
        encoder=EncoderConfig(kind=encoder, size=8, heads=2, dropout=dropout),  # type: ignore[arg-type]
        decoder=DecoderConfig(kind=decoder, size=12, heads=2, dropout=dropout),  # type: ignore[arg-type]
        sentence=LatentConfig(size=SENTENCE_SIZE),
        document=LatentConfig(size=DOCUMENT_SIZE, initial_std=0.5),
        embedding_size=6,
        embedding_dropout=dropout,
    )


def hierarchical_model(seed: int = 0, dtype: torch.dtype = torch.float64, **options: Any) -> HierarchicalVAE:
    """A model in eval mode."""
    torch.manual_seed(seed)
    config = hierarchical_config(hierarchical_model_config(**options), VOCABULARY, LONGEST + 2)
    return HierarchicalVAE(config).to(dtype).eval()


def tiny_documents(documents: int = DOCUMENTS, seed: int = 0) -> TokenizedCorpus:
    """Random sentences in documents of 2, 3, 4, 2, 3, 4 ... sentences."""
    rng = np.random.default_rng(seed)
    labels = [d for d in range(documents) for _ in range(2 + d % 3)]
    sentences = [rng.integers(FIRST_WORD, VOCABULARY, rng.integers(1, LONGEST + 1)).tolist() for _ in labels]
    return TokenizedCorpus.from_lists(sentences, labels)


def document_loader(block_size: int | None = None, noise: NoiseConfig | None = None, **options: Any) -> DocumentLoader:
    """Batches of the documents of `tiny_documents`, or of `corpus`."""
    corpus = options.pop("corpus", None) or tiny_documents()
    return DocumentLoader(
        corpus, tiny_collator(noise), **{"batch_size": 6, "seed": 5, **options}, block_size=block_size
    )


def document_batch(block: int = 0, block_size: int | None = None) -> DocumentBatch:
    """A whole block, padded, without a place in the noise."""
    return next(document_loader(block_size).reading(block))


def all_weights(weight: float = 0.5) -> HierarchicalObjectives:
    """Every objective switched on, so that none can hide."""
    return HierarchicalObjectives(**{n: Weight(weight) for n in HierarchicalObjectives.__dataclass_fields__})


def hierarchical_recipe(model: HierarchicalVAE, loader: DocumentLoader) -> HierarchicalRecipe:
    """A recipe over a loader, its optimizers made."""
    recipe = HierarchicalRecipe(model, all_weights(), loader.rows, loader.reading)
    recipe.optimizers(TrainingConfig())
    return recipe


def document_trainer(
    folder: Path,
    block_size: int | None = None,
    networks: dict[str, Any] | None = None,
    accelerator: Accelerator | None = None,
    **training: Any,
) -> Trainer:
    """A trainer of a new network: 21 sentences of 7 documents, 4 batches an epoch or a few more."""
    config = TrainingConfig(**{"batch_size": 6, "epochs": 2, "log_every": 1, "seed": 5, **training})
    accelerator = accelerator or tiny_accelerator()
    loader = document_loader(block_size, **share_of(accelerator))
    recipe = HierarchicalRecipe(
        hierarchical_model(**(networks or {})).train(), all_weights(), loader.rows, loader.reading
    )
    return Trainer(accelerator, recipe, loader, config, Checkpoints(folder, config.keep_checkpoints))
