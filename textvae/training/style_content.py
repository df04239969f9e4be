"""The recipe of the style-content autoencoder."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from textvae.data.batch import Batch
from textvae.models.adversaries import Adversaries
from textvae.models.style_content_vae import StyleContentOutput, StyleContentVAE
from textvae.objectives.config import ObjectivesConfig
from textvae.objectives.style_content import (
    ADVERSARY_TERMS,
    GROUP_OBJECTIVES,
    MEMORY_OBJECTIVES,
    MODEL_TERMS,
    OBJECTIVES,
    PRIOR_OBJECTIVES,
    Outputs,
)
from textvae.training.config import PriorGameConfig, TrainingConfig
from textvae.training.optimizers import adversary_optimizer, model_optimizer
from textvae.training.prior_game import PriorGame
from textvae.training.recipe import Phase, Recipe


class StyleContentRecipe(Recipe):
    """John et al. 2019, Algorithm 1.

    vae: the model descends J_rec + Σ λ J_kl + Σ λ J_mul + Σ λ J_adv; the adversaries are frozen.
    dis: the adversaries descend J_dis_s + J_dis_c on the same latents, detached.
    critic_s, critic_c: where a space has an adversarial prior, its critic's turns, on the same latents (`PriorGame`);
    phase vae then adds λ J_gen_s or λ J_gen_c.
    The paper lets the adversaries move first. Here they move second, on latents that phase `vae` has already computed,
    which saves an encoder pass (a tenth of a step); the order differs only in which of the two takes the first step.
    """

    def __init__(
        self,
        model: StyleContentVAE,
        adversaries: Adversaries,
        objectives: ObjectivesConfig,
        adversary_updates: int = 1,
        adversarial: PriorGameConfig | None = None,
    ):
        self.objectives = {**OBJECTIVES, **MEMORY_OBJECTIVES, **GROUP_OBJECTIVES, **PRIOR_OBJECTIVES}
        self.config, self.critics = objectives, adversarial or PriorGameConfig()
        self.model, self.adversaries = model, adversaries
        self.modules: dict[str, nn.Module] = {"model": model, "adversaries": adversaries}
        self.games = {
            name: PriorGame(latent, self.critics, f"_{name[0]}")
            for name, latent in (("style", model.style_latent), ("content", model.content_latent))
            if latent.config.kind == "adversarial"
        }
        self.modules |= {game.module: game.critic for game in self.games.values()}
        prior_terms = tuple(f"J_gen{game.space}" for game in self.games.values())
        self.phases = (
            Phase("vae", "model", (*MODEL_TERMS, *self.memory_terms, *self.group_terms, *prior_terms)),
            Phase(
                "dis", "adversaries", ADVERSARY_TERMS + (("J_dis_m",) if self.memory_terms else ()), adversary_updates
            ),
            *(game.phase for game in self.games.values()),
        )

    @property
    def memory_terms(self) -> tuple[str, ...]:
        """What the model descends because its decoder looks back at the sentence."""
        memory = self.model.sentence_memory
        if memory is None:
            return ()
        return ("J_adv_m",) if memory.style_attention is None else ("J_adv_m", "J_mul_m")

    @property
    def group_terms(self) -> tuple[str, ...]:
        """What the model descends because it is told what sentences share."""
        return () if self.model.clamping.shared is None else tuple(GROUP_OBJECTIVES)

    def weights(self, step: int) -> dict[str, float]:
        return self.config.at(step)

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        return {
            "model": model_optimizer((p for p in self.model.parameters() if p.requires_grad), config),
            "adversaries": adversary_optimizer(self.adversaries.parameters(), config),
            **{game.module: game.optimizer(config) for game in self.games.values()},
        }

    def run(self, phase: Phase, wrapped: dict[str, nn.Module], batch: Batch, previous: Outputs | None) -> Outputs:
        if phase.name == "vae":
            return self.seen(batch, wrapped["model"](batch=batch))
        assert previous is not None, "this phase reads the latents of phase vae"
        latents = previous.model.latents
        for name, game in self.games.items():
            if phase.name == game.phase.name:
                z, number = getattr(latents, name).value, previous.number + 1
                compared = game.play(wrapped[game.module], z, batch.style, batch.key, number)
                return replace(previous, games={game.space: compared}, number=number)
        heads = wrapped["adversaries"](latents.style.value, latents.content.value, latents.memory)
        return replace(previous, adversaries=heads)

    def seen(self, batch: Batch, output: StyleContentOutput) -> Outputs:
        """What the model has computed, and what the frozen adversaries and critics say of its latents."""
        latents = output.latents
        heads = self.adversaries(latents.style.value, latents.content.value, latents.memory)
        fakes = {game.space: game.critic.score(getattr(latents, name).value) for name, game in self.games.items()}
        return Outputs(batch, output, heads, self.config.adversarial, fakes, loss=self.critics.loss)

    def after(self, phase: Phase, outputs: list[Outputs]) -> None:
        """Between two phases: what is solved in closed form sees the latents of the whole batch once."""
        if phase.name == "vae":
            labels = torch.cat([o.batch.style for o in outputs])
            content = [o.model.latents.content for o in outputs]
            self.adversaries.observe(torch.cat([c.value for c in content]), labels)
            self.model.content_latent.observe(content, labels)
            self.model.style_latent.observe([o.model.latents.style for o in outputs], labels)

    def carry(self, outputs: Outputs) -> Outputs:
        """What the next phase may read: the latents, outside the graph (which is freed here)."""
        model = outputs.model
        detached = replace(
            model,
            token_nll=model.token_nll.detach(),
            latents=model.latents.detach(),
            style_logits=tuple(logits.detach() for logits in model.style_logits),
            bag_logits=model.bag_logits.detach(),
        )
        return replace(outputs, model=detached, fakes={}, games={})
