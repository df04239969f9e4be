"""The papers' algorithms as data: who moves, by which terms, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import nn

from textvae.data.batch import Batch
from textvae.models.adversaries import Adversaries
from textvae.models.style_content_vae import StyleContentVAE
from textvae.objectives.style_content import ADVERSARY_TERMS, MODEL_TERMS, ObjectivesConfig, Outputs


@dataclass(frozen=True)
class Phase:
    """One optimizer's turn in a step.

    moves: the module it trains; terms: the objectives it descends; updates: how often in a step.
    """

    name: str
    moves: str
    terms: tuple[str, ...]
    updates: int = 1


@contextmanager
def only_moves(modules: dict[str, nn.Module], name: str) -> Iterator[None]:
    """Freeze every module but one: gradients still pass *through* the frozen ones, none stays in them."""
    switched = [p for other, m in modules.items() if other != name for p in m.parameters() if p.requires_grad]
    for parameter in switched:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in switched:
            parameter.requires_grad_(True)


class StyleContentRecipe:
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
        self.model, self.adversaries = model, adversaries
        self.modules: dict[str, nn.Module] = {"model": model, "adversaries": adversaries}
        self.objectives = objectives
        self.phases = (
            Phase("vae", "model", MODEL_TERMS),
            Phase("dis", "adversaries", ADVERSARY_TERMS, adversary_updates),
        )

    def run(self, phase: Phase, wrapped: dict[str, nn.Module], batch: Batch, previous: Outputs | None) -> Outputs:
        """The forward pass of one phase. `wrapped` are the modules as accelerate prepared them.

        A module that moves is called through its wrapper, which synchronises its gradients; a frozen one is called
        bare.
        """
        if phase.name == "vae":
            output = wrapped["model"](batch=batch)
            latents = output.latents
            heads = self.modules["adversaries"](latents.style.value, latents.content.value)
            return Outputs(batch, output, heads, self.objectives.adversarial)
        assert previous is not None, "phase dis reads the latents of phase vae"
        latents = previous.model.latents
        return replace(previous, adversaries=wrapped["adversaries"](latents.style.value, latents.content.value))

    def after(self, phase: Phase, outputs: list[Outputs]) -> None:
        """Between two phases: what is solved in closed form sees the latents of the whole batch once."""
        if phase.name == "vae":
            labels = torch.cat([o.batch.style for o in outputs])
            content = [o.model.latents.content for o in outputs]
            self.adversaries.observe(torch.cat([c.value for c in content]), labels)
            if self.model.content_latent.eraser is not None:
                self.model.content_latent.eraser.observe(torch.cat([c.unerased for c in content]), labels)

    @staticmethod
    def carry(outputs: Outputs) -> Outputs:
        """What the next phase may read: the latents, outside the graph (which is freed here)."""
        model = outputs.model
        detached = replace(
            model,
            token_nll=model.token_nll.detach(),
            latents=model.latents.detach(),
            style_logits=model.style_logits.detach(),
            bag_logits=model.bag_logits.detach(),
        )
        return replace(outputs, model=detached)
