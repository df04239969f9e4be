"""A Gaussian latent that cannot collapse: its means have a fixed spread over the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.modules.attributes import Sizes
from textvae.modules.latents.base import LatentConfig, at_least_fp32
from textvae.modules.latents.gaussian import GaussianLatent

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
