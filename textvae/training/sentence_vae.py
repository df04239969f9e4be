"""The recipe of the sentence autoencoder."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from textvae.data.batch import Batch
from textvae.models.sentence_vae import SentenceVAE
from textvae.objectives.sentence_vae import SENTENCE_OBJECTIVES, SentenceObjectives, SentenceOutputs
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import model_optimizer
from textvae.training.recipe import Phase, Recipe


class SentenceRecipe(Recipe):
    """vae: the model descends λ_rec J_rec + λ_kl J_kl, and λ_bow J_bow where it has the layer (Bowman et al. 2016)."""

    def __init__(self, model: SentenceVAE, objectives: SentenceObjectives):
        self.objectives, self.config, self.model = SENTENCE_OBJECTIVES, objectives, model
        self.modules: dict[str, nn.Module] = {"model": model}
        self.phases = (Phase("vae", "model", ("J_rec", "J_kl", *(("J_bow",) if model.bag_head is not None else ()))),)

    def weights(self, step: int) -> dict[str, float]:
        return self.config.at(step)

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        return {"model": model_optimizer((p for p in self.model.parameters() if p.requires_grad), config)}

    def run(
        self, phase: Phase, wrapped: dict[str, nn.Module], batch: Batch, previous: SentenceOutputs | None
    ) -> SentenceOutputs:
        return SentenceOutputs(batch, wrapped["model"](batch=batch))

    def after(self, phase: Phase, outputs: list[SentenceOutputs]) -> None:
        """The latent takes what it learns without a gradient from the whole batch, once."""
        self.model.latent.observe([o.model.latent for o in outputs], torch.cat([o.batch.style for o in outputs]))

    def carry(self, outputs: SentenceOutputs) -> SentenceOutputs:
        """What the next phase may read: the latent, outside the graph (which is freed here)."""
        model = outputs.model
        detached = replace(model, token_nll=model.token_nll.detach(), latent=model.latent.detach(), bag_logits=None)
        return replace(outputs, model=detached)
