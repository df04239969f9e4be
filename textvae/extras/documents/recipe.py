"""The recipe of the factorised hierarchical VAE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from textvae.extras.documents.config import HierarchicalObjectives
from textvae.extras.documents.hierarchical_vae import DocumentTable, HierarchicalVAE
from textvae.extras.documents.loader import DocumentBatch
from textvae.extras.documents.objectives import HIERARCHICAL_OBJECTIVES, HierarchicalOutputs, document_means
from textvae.modules.roll_out import evaluating
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import model_optimizer
from textvae.training.recipe import Phase, Recipe


class HierarchicalRecipe(Recipe):
    """vae: the model descends the bound and α J_doc at the table's μ2; mu: the table descends its terms of the same J.

    Both take the gradients of the same outputs, so the two are one joint step (Hsu et al. 2017) with two rates.
    When a batch comes from another block of documents than the table holds, the block's μ2 are first inferred by the
    model and the table's Adam begins anew, since its averages were of other documents (Hsu & Glass 2018).

    reading: from the number of a block to all its sentences. rows: of the table.
    """

    def __init__(
        self,
        model: HierarchicalVAE,
        objectives: HierarchicalObjectives,
        rows: int,
        reading: Callable[[int], Iterable[DocumentBatch]],
        table_rate: float = 1e-2,
    ):
        self.objectives, self.config = HIERARCHICAL_OBJECTIVES, objectives
        self.model, self.reading, self.table_rate = model, reading, table_rate
        self.table = DocumentTable(rows, model.document_latent.size).to(model.embedding.weight)
        self.modules: dict[str, nn.Module] = {"model": model, "table": self.table}
        self.phases = (
            Phase("vae", "model", ("J_rec", "J_kl_1", "J_kl_2", "J_doc")),
            Phase("mu", "table", ("J_kl_2", "J_mu", "J_doc")),
        )

    def weights(self, step: int) -> dict[str, float]:
        return self.config.at(step)

    def optimizers(self, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
        self.table_optimizer = torch.optim.Adam(self.table.parameters(), lr=self.table_rate, fused=True)
        return {"model": model_optimizer(self.model.parameters(), config), "table": self.table_optimizer}

    def run(
        self,
        phase: Phase,
        wrapped: dict[str, nn.Module],
        batch: DocumentBatch,
        previous: HierarchicalOutputs | None,
    ) -> HierarchicalOutputs:
        if phase.name == "mu":
            assert previous is not None
            return replace(previous, means=wrapped["table"]())
        block = int(batch.block[0])
        if block != int(self.table.block):
            self.open_block(block)
        return HierarchicalOutputs(batch, wrapped["model"](batch=batch), self.table(), self.table.used)

    @torch.no_grad()
    def open_block(self, block: int) -> None:
        """Fill the table with the inferred means of another block. Every process reads the whole block."""
        device = self.table.means.device
        with evaluating(self.model):
            means = infer_means(self.model, (batch.to(device) for batch in self.reading(block)))
        self.table.fill(block, means)
        self.table_optimizer.state.clear()

    def carry(self, outputs: HierarchicalOutputs) -> HierarchicalOutputs:
        """The posteriors, outside the graph (which is freed here)."""
        model = replace(
            outputs.model, token_nll=outputs.model.token_nll.detach(), factors=outputs.model.factors.detach()
        )
        return replace(outputs, model=model, means=outputs.means.detach())


def infer_means(model: HierarchicalVAE, batches: Iterator[DocumentBatch]) -> Tensor:
    """μ2 of every document of a block from all its sentences, (D, Z2)."""
    found = [(model.encode_document(b.input_ids, b.attention_mask), b.row) for b in batches]
    rows = torch.cat([row for _, row in found])
    return document_means(torch.cat([codes for codes, _ in found]), rows, int(rows.max()) + 1)
