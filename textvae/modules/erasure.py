"""Linear erasure: a space from which no linear reader can tell the label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.errors import UserError
from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.class_statistics import ClassStatistics, with_ridge


class LinearEraser(nn.Module):
    """Least-squares concept erasure, LEACE (Belrose et al. 2023, arXiv 2306.03819, theorem 4.3).

    r(z) = z − A (Aᵀ Σ⁻¹ A)⁺ Aᵀ Σ⁻¹ (z − μ), where the columns of A (Z, K) are π_k (μ_k − μ), the covariance of z with
    the label's indicator, and Σ is the covariance of z. Afterwards all labels have one mean, so the best linear reader
    answers the most frequent label; no other affine map with that property changes z less. It takes K − 1 of the Z
    dimensions. With several attributes the columns of A are those of all their labels (the theorem holds for any
    concept vector), and it takes Σ (K_a − 1) dimensions. What a nonlinear reader can tell, it leaves: that is what
    J_adv is for.

    Statistics are exponential averages over the last 1 / (1 − momentum) batches; `fit` sets them from a sample. The
    gradient passes through r, not through the statistics. Cost: one Z × Z solve a step. Before the first batch r = id.
    """

    def __init__(self, size: int, classes: Sizes, momentum: float = 0.99, ridge: float = 1e-4):
        super().__init__()
        groups = LabelGroups.of(classes)
        if (taken := groups.total - len(groups)) >= size:
            raise UserError(f"erase_labels takes {taken} dimensions; a latent of size {size} has too few left")
        self.ridge = ridge
        self.statistics = ClassStatistics(size, classes, momentum)
        self.centre: Tensor
        self.read: Tensor
        self.write: Tensor
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("read", torch.zeros(groups.total, size))
        self.register_buffer("write", torch.zeros(groups.total, size))

    def reset(self) -> None:
        """Back to the identity."""
        self.statistics.reset()
        for buffer in (self.centre, self.read, self.write):
            buffer.zero_()

    def fit(self, z: Tensor, labels: Tensor) -> None:
        """Statistics of one sample (N, Z), labels (N,) or (N, A), for the running ones. Sums over all processes."""
        self.statistics.reset()
        self.observe(z, labels)

    @torch.no_grad()
    def observe(self, z: Tensor, labels: Tensor) -> None:
        """Take vectors *before* erasure (B, Z), labels (B,) or (B, A), into the statistics and solve again."""
        statistics = self.statistics
        statistics.observe(z, labels)
        across = (statistics.means - statistics.mean) * statistics.shares[:, None]  # Aᵀ (K, Z)
        solved = torch.linalg.solve(with_ridge(statistics.covariance(), self.ridge), across.T).T  # Aᵀ Σ⁻¹
        # A has rank K − 1 (its columns sum to 0): hence the pseudo-inverse, and a threshold above rounding.
        inverse = torch.linalg.pinv(solved @ across.T, rtol=1e-4, hermitian=True)
        self.centre.copy_(statistics.mean)
        self.read.copy_(inverse @ solved)
        self.write.copy_(across)

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) → (B, Z)."""
        with torch.autocast(z.device.type, enabled=False):
            return z - ((z - self.centre) @ self.read.T) @ self.write
