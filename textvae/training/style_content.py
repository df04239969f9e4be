"""The recipe of the style-content autoencoder."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from textvae.data.batch import Batch
from textvae.models.adversaries import Adversaries
from textvae.models.style_content_vae import StyleContentVAE
from textvae.objectives.style_content import (
    ADVERSARY_TERMS,
    GROUP_OBJECTIVES,
    MEMORY_OBJECTIVES,
    MODEL_TERMS,
    OBJECTIVES,
    ObjectivesConfig,
    Outputs,
)
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import adversary_optimizer, model_optimizer
from textvae.training.recipe import Phase, Recipe


class StyleContentRecipe(Recipe):
    """John et al. 2019, Algorithm 1.

    vae: the model descends J_rec + Σ λ J_kl + Σ λ J_mul + Σ λ J_adv; the adversaries are frozen.
    dis: the adversaries descend J_dis_s + J_dis_c on the same latents, detached.
    The paper lets the adversaries move first. Here they move second, on latents that phase `vae` has already computed,
    which saves an encoder pass (a tenth of a step); the order differs only in which of the two takes the first step.
    """

    def __init__(
        self,
        model: StyleContentVAE,
        adversaries: Adversaries,
        objectives: ObjectivesConfig,
        adversary_updates: int = 1,
    ):
        self.objectives, self.config = {**OBJECTIVES, **MEMORY_OBJECTIVES, **GROUP_OBJECTIVES}, objectives
        self.model, self.adversaries = model, adversaries
        self.modules: dict[str, nn.Module] = {"model": model, "adversaries": adversaries}
        self.phases = (
            Phase("vae", "model", (*MODEL_TERMS, *self.memory_terms, *self.group_terms)),
            Phase(
                "dis", "adversaries", ADVERSARY_TERMS + (("J_dis_m",) if self.memory_terms else ()), adversary_updates
            ),
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
        }

    def run(self, phase: Phase, wrapped: dict[str, nn.Module], batch: Batch, previous: Outputs | None) -> Outputs:
        if phase.name == "vae":
            output = wrapped["model"](batch=batch)
            latents = output.latents
            heads = self.adversaries(latents.style.value, latents.content.value, latents.memory)
            return Outputs(batch, output, heads, self.config.adversarial)
        assert previous is not None, "phase dis reads the latents of phase vae"
        latents = previous.model.latents
        heads = wrapped["adversaries"](latents.style.value, latents.content.value, latents.memory)
        return replace(previous, adversaries=heads)

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
        return replace(outputs, model=detached)
