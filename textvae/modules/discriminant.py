"""A linear adversary in closed form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.modules.attributes import Sizes
from textvae.modules.class_statistics import ClassStatistics, with_ridge


class LinearDiscriminant(nn.Module):
    """Linear discriminant analysis over running statistics (Fisher 1936; Hastie et al. 2009, eq. 4.10).

    logits_k = μ_kᵀ Σ⁻¹ z − ½ μ_kᵀ Σ⁻¹ μ_k + log π_k, with class means μ_k, class shares π_k and the covariance Σ within
    classes, all exponential averages over the last 1 / (1 − momentum) batches.

    An adversary trained by gradient steps lags behind the encoder: it can look fooled while a fresh linear probe still
    reads the style from z_c at .95. This one is the best linear reader of the last batches at every step, and has no
    learning rate. Its logits are differentiable in z; the statistics are not. Cost: one Z × Z solve a step and
    attribute. With several attributes each has its own Σ; K are the labels of all.
    """

    def __init__(self, input_size: int, classes: Sizes, momentum: float = 0.95, ridge: float = 0.01):
        super().__init__()
        self.ridge = ridge
        self.statistics = ClassStatistics(input_size, classes, momentum)
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", torch.zeros(self.statistics.groups.total, input_size))
        self.register_buffer("bias", torch.zeros(self.statistics.groups.total))

    @torch.no_grad()
    def observe(self, z: Tensor, labels: Tensor) -> None:
        """Take a batch (B, Z), labels (B,) or (B, A), into the statistics and solve again. Sums over all processes."""
        self.statistics.observe(z, labels)
        means = self.statistics.means
        by_attribute = zip(self.statistics.within(), means.split(self.statistics.groups.sizes), strict=True)
        solved = [torch.linalg.solve(with_ridge(within, self.ridge), m.T).T for within, m in by_attribute]
        self.weight.copy_(torch.cat(solved))
        self.bias.copy_(self.statistics.shares.clamp(min=1e-6).log() - 0.5 * (self.weight * means).sum(1))

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) → (B, K)."""
        with torch.autocast(z.device.type, enabled=False):  # its logits can be large: bf16 would round them
            return z.to(self.weight.dtype) @ self.weight.T + self.bias
