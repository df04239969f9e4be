"""The bound of the factorised hierarchical VAE, term by term, and its discriminative objective."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.extras.documents.hierarchical_vae import HierarchicalOutput
from textvae.extras.documents.loader import DocumentBatch
from textvae.modules.latents.base import at_least_fp32
from textvae.objectives.latent import kl
from textvae.objectives.sentence_vae import sentence_reconstruction

VARIANCE = 0.25
"""σ² of p(z2 | μ2), in units of the variance of p(μ2), which is 1 (Hsu et al. 2017: .5² and 1)."""


def kl_around(mean: Tensor, log_var: Tensor, centre: Tensor) -> Tensor:
    """J_kl_2 = ½ Σ_j (σ_j² / .25 + (m_j − μ2_j)² / .25 − 1 − log(σ_j² / .25))  (Hsu et al. 2017, segment bound).

    KL(q(z2|x) ‖ N(μ2, .25)), the term of the segment's variational lower bound.

    mean, log_var: (B, Z2) of the posterior; centre: (B, Z2), μ2 of each sentence's document. Returns (B,) nats.
    """
    squares = (log_var.exp() + (mean - centre) ** 2) / VARIANCE
    return 0.5 * (squares - 1.0 - log_var + math.log(VARIANCE)).sum(1)


def mean_prior(centre: Tensor, count: Tensor) -> Tensor:
    """J_mu = −(1/n) log N(μ2; 0, 1) = (1/n) Σ_j ½ (μ2_j² + log 2π)  (Hsu et al. 2017, segment bound).

    centre: (B, Z2) of each sentence's document; count: (B,) its sentences n, so that a document pays once however many
    sentences it has. Returns (B,) nats per sentence.
    """
    return 0.5 * (centre**2 + math.log(2 * math.pi)).sum(1) / count


def document_logits(codes: Tensor, means: Tensor, used: Tensor) -> Tensor:
    """log p(z̄2 | μ2_j) but for a constant: −‖z̄2 − μ2_j‖² / (2 · .25), (B, K)  (Hsu et al. 2017, α).

    codes: (B, Z2) posterior means z̄2; means: (K, Z2); used: (K,) which rows are documents, −inf elsewhere.
    """
    codes, means = at_least_fp32(codes), at_least_fp32(means)
    with torch.autocast(codes.device.type, enabled=False):  # differences of large numbers: bf16 would round them
        squares = (codes**2).sum(1, keepdim=True) - 2 * codes @ means.T + (means**2).sum(1)
    return (-squares / (2 * VARIANCE)).masked_fill(~used, -torch.inf)


def document_cross_entropy(logits: Tensor, row: Tensor) -> Tensor:
    """J_doc = −log p(i | z̄2) = −log softmax_j(−‖z̄2 − μ2_j‖² / (2 · .25))[i]  (Hsu et al. 2017, α).

    logits: (B, K); row: (B,) the sentence's own document i. Its weight is the paper's α. Returns (B,) nats.
    """
    return -logits.log_softmax(1).gather(1, row[:, None])[:, 0]


def document_means(codes: Tensor, row: Tensor, rows: int) -> Tensor:
    """μ2 = Σ_n z̄2_n / (N + .25) of every document  (Hsu et al. 2017, at test time: the posterior mode).

    codes: (N, Z2) of all sentences; row: (N,) the document of each; returns (rows, Z2), 0 (the prior's) without one.
    """
    sums = codes.new_zeros(rows, codes.shape[1]).index_add_(0, row, codes)
    return sums / (torch.bincount(row, minlength=rows).to(codes)[:, None] + VARIANCE)


@dataclass(frozen=True)
class HierarchicalOutputs:
    """What one phase has computed on one batch. means: (K, Z2) the table; used: (K,) its rows in use."""

    batch: DocumentBatch
    model: HierarchicalOutput
    means: Tensor
    used: Tensor

    @property
    def centre(self) -> Tensor:
        """(B, Z2) μ2 of each sentence's document."""
        return self.means[self.batch.row]


def _kl_2(outputs: HierarchicalOutputs) -> Tensor:
    found = outputs.model.factors.document
    assert found.log_var is not None
    return kl_around(found.mean, found.log_var, outputs.centre)


def _doc(outputs: HierarchicalOutputs) -> Tensor:
    logits = document_logits(outputs.model.factors.document.mean, outputs.means, outputs.used)
    return document_cross_entropy(logits, outputs.batch.row)


HIERARCHICAL_OBJECTIVES: dict[str, Callable[[HierarchicalOutputs], Tensor]] = {
    "J_rec": lambda o: sentence_reconstruction(o.model.token_nll),
    "J_kl_1": lambda o: kl(o.model.factors.sentence),
    "J_kl_2": _kl_2,
    "J_mu": lambda o: mean_prior(o.centre, o.batch.count),
    "J_doc": _doc,
}
