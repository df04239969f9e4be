"""The frozen network whose features a style transfer is trained by, from its configuration."""

from __future__ import annotations

from pathlib import Path

import torch

from textvae.config.style_transfer import ExperimentConfig
from textvae.errors import UserError
from textvae.experiment.preparation import Prepared
from textvae.inference.loading import load, locate, model_class
from textvae.models.sentence_model import SentenceModel
from textvae.modules.frozen_features import FrozenFeatures
from textvae.training.perception import PERCEPTUAL_TERMS, Perception, exemplars


def make_perception(config: ExperimentConfig, prepared: Prepared) -> Perception | None:
    """What J_content_features and J_gram need; None where neither has a weight."""
    if not any(getattr(config.objectives, name).weight for name in PERCEPTUAL_TERMS):
        return None
    shown = exemplars(prepared.train, prepared.corpus.attributes.sizes, config.transfer.exemplars)
    run = config.transfer.features
    return Perception(shown, None if run is None else encoder_of(Path(run), prepared))


def encoder_of(run: Path, prepared: Prepared) -> FrozenFeatures:
    """The encoder of a finished run; UserError where it has none or reads another vocabulary."""
    kind = model_class(locate(run)[0])
    if not issubclass(kind, SentenceModel):
        raise UserError(f"transfer.features: {run} has no sentence encoder; name a sentence autoencoder or a transfer")
    loaded = load(run, torch.device("cpu"), kind)
    if loaded.tokenizer.get_vocab() != prepared.tokenizer.get_vocab():
        raise UserError(
            f"transfer.features: {run} reads another vocabulary; train one of the two runs with --start from the other"
        )
    return FrozenFeatures(loaded.model.embedding, loaded.model.sentence_encoder).eval()
