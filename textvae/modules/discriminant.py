"""A linear adversary in closed form."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn


class LinearDiscriminant(nn.Module):
    """Linear discriminant analysis over running statistics (Fisher 1936; Hastie et al. 2009, eq. 4.10).

    logits_k = μ_kᵀ Σ⁻¹ z − ½ μ_kᵀ Σ⁻¹ μ_k + log π_k, with class means μ_k, class shares π_k and the covariance Σ within
    classes, all exponential averages over the last 1 / (1 − momentum) batches.

    An adversary trained by gradient steps lags behind the encoder: it can look fooled while a fresh linear probe still
    reads the style from z_c at .95. This one is the best linear reader of the last batches at every step, and has no
    learning rate. Its logits are differentiable in z; the statistics are not. Cost: one Z × Z solve a step.
    """

    def __init__(self, input_size: int, classes: int, momentum: float = 0.95, ridge: float = 0.01):
        super().__init__()
        self.momentum, self.ridge = momentum, ridge
        self.counts: Tensor
        self.sums: Tensor
        self.outer: Tensor
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("counts", torch.zeros(classes))
        self.register_buffer("sums", torch.zeros(classes, input_size))
        self.register_buffer("outer", torch.zeros(input_size, input_size))
        self.register_buffer("weight", torch.zeros(classes, input_size))
        self.register_buffer("bias", torch.zeros(classes))

    @torch.no_grad()
    def observe(self, z: Tensor, labels: Tensor) -> None:
        """Take a batch (B, Z) with labels (B,) into the statistics and solve again. Sums over all processes."""
        z = z.float()
        one_hot = torch.nn.functional.one_hot(labels, len(self.counts)).float()
        parts = [one_hot.sum(0), one_hot.T @ z, z.T @ z]
        if dist.is_available() and dist.is_initialized():
            for part in parts:
                dist.all_reduce(part)
        for average, part in zip((self.counts, self.sums, self.outer), parts, strict=True):
            average.mul_(self.momentum).add_(part)
        self.solve()

    def solve(self) -> None:
        """Weights and biases from the statistics."""
        total = self.counts.sum().clamp(min=1.0)
        means = self.sums / self.counts.clamp(min=1e-6)[:, None]
        within = (self.outer - (means * self.counts[:, None]).T @ means) / total
        scale = within.diagonal().mean().clamp(min=1e-8)
        within = within + self.ridge * scale * torch.eye(within.shape[0], device=within.device)
        self.weight.copy_(torch.linalg.solve(within, means.T).T)
        shares = (self.counts / total).clamp(min=1e-6)
        self.bias.copy_(shares.log() - 0.5 * (self.weight * means).sum(1))

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) → (B, K)."""
        with torch.autocast(z.device.type, enabled=False):  # its logits can be large: bf16 would round them
            return z.to(self.weight.dtype) @ self.weight.T + self.bias
