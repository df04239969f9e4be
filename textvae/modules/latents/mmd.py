"""A Gaussian latent whose aggregate, not only each posterior, is drawn to the prior by maximum mean discrepancy."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from textvae.modules.latents.base import Evidence, LatentOutput
from textvae.modules.latents.gaussian import GaussianLatent
from textvae.modules.noise import NoiseKey

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Multiples of the base width, whose kernels are summed (Tolstikhin et al. 2018, sec. 4)."""


def imq(x: Tensor, y: Tensor) -> Tensor:
    """k(x, y) = Σ_s C_s / (C_s + ‖x − y‖²), C_s = 2 Z s: (N, Z), (M, Z) → (N, M).

    2 Z is the expected squared distance of two draws from N(0, I) (Tolstikhin et al. 2018, sec. 4).
    """
    squares = (x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).clamp(min=0)  # no (N, M, Z) in memory
    return sum((c / (c + squares) for c in (2 * x.shape[1] * s for s in SCALES)), 0.0 * squares)


def mmd_rows(z: Tensor, prior: Tensor) -> Tensor:
    """Each row's share of the unbiased MMD² estimate (Gretton et al. 2012, eq. 4): (B, Z), (B, Z) → (B,).

    mean_{j ≠ i} k(z_i, z_j) + mean_{j ≠ i} k(p_i, p_j) − mean_{j ≠ i} k(z_i, p_j) − mean_{j ≠ i} k(z_j, p_i); their
    mean over i is the estimate; 0 for one row.
    """
    others = max(len(z) - 1, 1)
    cross = imq(z, prior)
    kernel = imq(z, z) + imq(prior, prior) - cross - cross.T
    return (kernel - kernel.diag().diag()).sum(1) / others


class MMDLatent(GaussianLatent):
    """Penalty (1 − α) KL + (α + λ − 1) MMD²(q(z), p(z))  (InfoVAE, Zhao et al. 2019, eq. 6, with IMQ kernels).

    α = 1 drops the KL of each posterior, and with it the reason for a collapse. The MMD compares the batch's samples
    (where none are drawn, its means) with as many of the prior: it knows one micro-batch at a time, and one process.
    """

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        output, config = super().around(evidence, label, sample, key), self.config
        rows = (
            key if sample or key is not None else NoiseKey(0, 0, len(evidence.mean))
        )  # the same for the same sentences
        prior = self.prior_draws(output.value, label, rows)
        discrepancy = mmd_rows(output.value, prior)
        penalty = (1 - config.alpha) * output.penalty + (config.alpha + config.mmd_weight - 1) * discrepancy
        return replace(output, penalty=penalty)
