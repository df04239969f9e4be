"""The recipe of a grammar whose trees are latent."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from textvae.data.batch import Batch
from textvae.extras.trees.compound_pcfg import CompoundPCFG
from textvae.extras.trees.config import TreeObjectives
from textvae.extras.trees.objectives import TREE_OBJECTIVES, TreeOutputs
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import model_optimizer
from textvae.training.recipe import Phase, Recipe


class TreeRecipe(Recipe):
    """grammar: the model descends λ_rec J_rec + λ_kl J_kl (Kim et al. 2019, sec. 2.3), without z J_rec alone."""

    def __init__(self, model: CompoundPCFG, objectives: TreeObjectives):
        self.objectives, self.config, self.model = TREE_OBJECTIVES, objectives, model
        self.modules: dict[str, nn.Module] = {"model": model}
        self.phases = (Phase("grammar", "model", ("J_rec",) if model.latent is None else ("J_rec", "J_kl")),)

    def weights(self, step: int) -> dict[str, float]:
        return self.config.at(step)

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        return {"model": model_optimizer((p for p in self.model.parameters() if p.requires_grad), config)}

    def run(
        self, phase: Phase, wrapped: dict[str, nn.Module], batch: Batch, previous: TreeOutputs | None
    ) -> TreeOutputs:
        return TreeOutputs(batch, wrapped["model"](batch=batch))

    def after(self, phase: Phase, outputs: list[TreeOutputs]) -> None:
        """The latent takes what it learns without a gradient from the whole batch, once."""
        if self.model.latent is not None:
            latents = [o.model.latent for o in outputs if o.model.latent is not None]
            self.model.latent.observe(latents, torch.cat([o.batch.style for o in outputs]))

    def carry(self, outputs: TreeOutputs) -> TreeOutputs:
        """What the next phase may read, outside the graph (which is freed here)."""
        latent = outputs.model.latent
        detached = replace(outputs.model, nll=outputs.model.nll.detach(), latent=latent and latent.detach())
        return replace(outputs, model=detached)
