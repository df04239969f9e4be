"""The recipe of the sentence autoencoder."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from textvae.data.batch import Batch
from textvae.models.sentence_vae import SentenceVAE
from textvae.objectives.config import SentenceObjectives
from textvae.objectives.sentence_vae import SENTENCE_OBJECTIVES, SentenceOutputs
from textvae.training.config import PriorGameConfig, TrainingConfig
from textvae.training.optimizers import model_optimizer
from textvae.training.prior_game import PriorGame
from textvae.training.recipe import Phase, Recipe


class SentenceRecipe(Recipe):
    """vae: the model descends λ_rec J_rec + λ_kl J_kl, and λ_bow J_bow where it has the layer (Bowman et al. 2016).

    With an adversarial latent also λ_gen J_gen through a frozen critic, which phase critic then moves (`PriorGame`).
    """

    def __init__(self, model: SentenceVAE, objectives: SentenceObjectives, adversarial: PriorGameConfig | None = None):
        self.objectives, self.config, self.model = SENTENCE_OBJECTIVES, objectives, model
        self.modules: dict[str, nn.Module] = {"model": model}
        terms = ["J_rec", "J_kl", *(["J_bow"] if model.bag_head is not None else [])]
        self.game: PriorGame | None = None
        if model.latent.config.kind == "adversarial":
            self.game = PriorGame(model.latent, adversarial or PriorGameConfig())
            self.modules["prior_critic"] = self.game.critic
            terms.append("J_gen")
        self.phases = (Phase("vae", "model", tuple(terms)), *(() if self.game is None else (self.game.phase,)))

    def weights(self, step: int) -> dict[str, float]:
        return self.config.at(step)

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        found = {"model": model_optimizer((p for p in self.model.parameters() if p.requires_grad), config)}
        if self.game is not None:
            found["prior_critic"] = self.game.optimizer(config)
        return found

    def run(
        self, phase: Phase, wrapped: dict[str, nn.Module], batch: Batch, previous: SentenceOutputs | None
    ) -> SentenceOutputs:
        if phase.name == "vae":
            outputs = SentenceOutputs(batch, wrapped["model"](batch=batch))
            if self.game is None:
                return outputs
            fake = self.game.critic.score(outputs.model.latent.value)
            return replace(outputs, fake=fake, loss=self.game.config.loss)
        assert previous is not None and self.game is not None, "phase critic reads the latents of phase vae"
        z, number = previous.model.latent.value, previous.number + 1
        game = self.game.play(wrapped["prior_critic"], z, batch.style, batch.key, number)
        return replace(previous, game=game, number=number)

    def after(self, phase: Phase, outputs: list[SentenceOutputs]) -> None:
        """The latent takes what it learns without a gradient from the whole batch, once."""
        if phase.name == "vae":
            self.model.latent.observe([o.model.latent for o in outputs], torch.cat([o.batch.style for o in outputs]))

    def carry(self, outputs: SentenceOutputs) -> SentenceOutputs:
        """What the next phase may read: the latent, outside the graph (which is freed here)."""
        model = outputs.model
        detached = replace(model, token_nll=model.token_nll.detach(), latent=model.latent.detach(), bag_logits=None)
        return replace(outputs, model=detached, fake=None, game=None)
