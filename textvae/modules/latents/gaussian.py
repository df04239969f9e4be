"""Gaussian latent (Kingma & Welling 2014)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from textvae.modules.attributes import Sizes
from textvae.modules.latents.base import Evidence, Latent, LatentConfig, LatentOutput, at_least_fp32
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
