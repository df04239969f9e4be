"""Which face (`LatentModel`) belongs to which class of model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from textvae.errors import UserError
from textvae.inference.latents.model import LatentModel, Sentence, StyleContent
from textvae.inference.loading import Loaded, load, locate, model_class, model_type
from textvae.registry import MODELS

FACES: dict[str, Callable[[Any], LatentModel]] = {
    "textvae_style_content": StyleContent,
    "textvae_sentence_vae": Sentence,
}
"""`model_type` in config.json → face, for the models that have a latent vector."""


def load_latent_model(run: str | Path, device: torch.device) -> tuple[Loaded[Any], LatentModel]:
    """The model of a run with its face; UserError where it has no latent vector (a summarizer)."""
    folder, _ = locate(Path(run))
    kind = model_type(folder)
    if kind not in FACES:
        raise UserError(f"{folder} holds a model without a latent vector: it {MODELS[kind].purpose}")
    loaded: Loaded[Any] = load(run, device, model_class(folder))
    return loaded, FACES[kind](loaded.model)
