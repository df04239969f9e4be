"""Gaussian posteriors: under the KL alone, with batch normalisation, at a fixed rate, with an MMD, with InfoNCE."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.modules.attributes import Sizes
from textvae.modules.config import LatentConfig
from textvae.modules.latents.base import Evidence, Latent, LatentOutput, at_least_fp32
from textvae.modules.noise import NoiseKey, standard_normal


class GaussianLatent(Latent):
    """q(z|x) = N(μ, diag σ²) with linear μ and log σ².

    z = μ + exp(½ log σ²) ε, ε ~ N(0, I), one ε a row.
    KL_j = ½ (σ_j² + (μ_j − m_j)² − 1 − log σ_j²), m = 0 or the label's prior mean.
    (Kingma & Welling 2014, sec. 2.4 and app. B; John et al. 2019, eq. 2.)

    Example:
        >>> import torch
        >>> latent = GaussianLatent(LatentConfig(size=2), input_size=4, num_classes=2, stream=0)
        >>> latent(torch.zeros(3, 4)).value.shape
        torch.Size([3, 2])
    """

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        super().__init__(config, input_size, num_classes, stream, blocks)
        self.log_var = nn.Linear(input_size, self.size)
        self.reset()

    def reset(self) -> None:
        super().reset()
        if hasattr(self, "log_var"):  # the base class calls this before the layer is there
            nn.init.constant_(self.log_var.bias, 2.0 * math.log(self.config.initial_std))

    def evidence(self, summary: Tensor) -> Evidence:
        return Evidence(self.unerased(summary), at_least_fp32(self.log_var(summary)))

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        mean, log_var = self.erased(evidence.mean), evidence.log_var
        assert log_var is not None, "a Gaussian has a variance"
        value = mean + (0.5 * log_var).exp() * standard_normal(mean, key, self.stream) if sample else mean
        # Without a label (transfer, encoding) a class-conditional KL has no reference: the standard prior stands in.
        centre = 0.0 if label is None else self.prior_mean(label)
        units = 0.5 * (log_var.exp() + (mean - centre) ** 2 - 1.0 - log_var)
        return LatentOutput(value, mean, log_var, units, self.charge(units), evidence.mean)


EPSILON = 1e-10
"""Below the root of the variance of h."""


class BatchNormLatent(GaussianLatent):
    """μ = γ (h − mean h) / std h + b with a fixed γ = `norm_scale` and a learnt b  (BN-VAE, Zhu et al. 2020, sec. 3).

    The expected KL is then at least Z γ² / 2, whatever the decoder does (their eq. 7). Statistics are of one
    micro-batch in training and running averages otherwise; a micro-batch of one row takes the running averages. The
    constant below the root is far smaller than usual (1e-5), and h is computed in fp32: where the spread of h is not
    large against it, the KL draws h together until nothing is left of the bound.
    """

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        super().__init__(config, input_size, num_classes, stream, blocks)
        self.mean = nn.Linear(input_size, self.size, bias=False)  # the statistics would take a bias away
        self.norm = nn.BatchNorm1d(self.size, eps=EPSILON, affine=False)
        self.shift = nn.Parameter(self.mean.weight.new_zeros(self.size))

    def reset(self) -> None:
        super().reset()
        if hasattr(self, "norm"):  # the base class calls this before it is there
            self.norm.reset_running_stats()
            nn.init.zeros_(self.shift)

    def unerased(self, summary: Tensor) -> Tensor:
        with torch.autocast(summary.device.type, enabled=False):
            x = nn.functional.linear(at_least_fp32(summary), at_least_fp32(self.mean.weight))
        running = len(x) == 1 or not self.training
        mean, var = self.norm.running_mean, self.norm.running_var
        if running and mean is not None and var is not None:
            normed = (x - mean.to(x.dtype)) * (var.to(x.dtype) + self.norm.eps).rsqrt()
        else:
            normed = self.norm(x)
        return self.config.norm_scale * normed + self.shift


RATE = 0.02
"""How fast the multiplier follows: e-fold in 50 steps at twice the target rate."""
LIMITS = (1e-3, 1e3)


class BottleneckLatent(GaussianLatent):
    """Penalty m (R − C) of a Gaussian latent, R = Σ_j KL_j nats a sentence, C = `target_rate`.

    absolute: m = sign(R̄ − C), so that the mean penalty is |R̄ − C| (Burgess et al. 2018, eq. 8; the weight of J_kl is
    their γ). lagrangian: m is the multiplier of min J_rec subject to R̄ = C, moved by m ← m exp(η (R̄ / C − 1)) after
    every step (the update of Rezende & Viola 2018, sec. 2.3, with the rate in place of the reconstruction); give J_kl
    weight 1. R̄ is the mean over the last step's batch, all processes and micro-batches together.
    """

    multiplier: Tensor

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        super().__init__(config, input_size, num_classes, stream, blocks)
        self.register_buffer("multiplier", torch.ones(()))

    def reset(self) -> None:
        super().reset()
        if hasattr(self, "multiplier"):  # the base class calls this before it is there
            self.multiplier.fill_(1.0)

    def charge(self, units: Tensor) -> Tensor:
        return self.multiplier.to(units.dtype) * (super().charge(units) - self.config.target_rate)

    def cost(self, output: LatentOutput) -> Tensor:
        """|R̄ − C|: the multiplier's scale is no merit."""
        rates = output.penalty_units.sum(1)
        return (rates.mean() - self.config.target_rate).abs().expand(len(rates))

    @torch.no_grad()
    def observe(self, outputs: list[LatentOutput], label: Tensor) -> None:
        super().observe(outputs, label)
        rates = torch.cat([output.penalty_units.sum(1) for output in outputs])
        sums = torch.stack((rates.sum(), rates.new_tensor(float(len(rates)))))
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(sums)
        rate, target = sums[0] / sums[1], self.config.target_rate
        if self.config.rate_control == "absolute":
            self.multiplier.copy_(torch.where(rate > target, 1.0, -1.0))
        else:
            step = (RATE * (rate / target - 1)).clamp(-1, 1).exp()
            self.multiplier.copy_((self.multiplier * step.to(self.multiplier.dtype)).clamp(*LIMITS))


def info_nce(scores: Tensor, mask: Tensor) -> Tensor:
    """−log softmax over the batch, at the own sentence, mean over its words  (van den Oord et al. 2018, eq. 4).

    scores: (B, L, B) of word t of sentence i with z of sentence k; mask: (B, L) the words. Returns (B,) nats;
    log B − J is a lower bound of the mutual information between z and a word's state, so at most log B.
    """
    own = torch.arange(len(scores), device=scores.device)[:, None].expand(mask.shape)
    nll = F.cross_entropy(at_least_fp32(scores).flatten(0, 1), own.flatten(), reduction="none").view(mask.shape)
    return (nll * mask).sum(1) / mask.sum(1).clamp(min=1)


class InfoMaxLatent(GaussianLatent):
    """Penalty KL + γ J_nce, γ = `nce_weight`  (Deep InfoMax, Hjelm et al. 2019, local objective, with InfoNCE).

    A word's state h_t is scored with z by z · W h_t; the other sentences of the micro-batch are the negatives.
    """

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        super().__init__(config, input_size, num_classes, stream, blocks)
        self.score = nn.Linear(input_size, self.size, bias=False)

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        output = super().around(evidence, label, sample, key)
        assert tokens is not None, "the InfoMax term needs the token states"
        states, mask = tokens
        scores = self.score(states) @ output.value.to(states.dtype).T
        return replace(output, penalty=output.penalty + self.config.nce_weight * info_nce(scores, mask))


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
