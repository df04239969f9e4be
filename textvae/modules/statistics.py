"""What is solved in closed form from the vectors of a batch and their labels: means, discriminants, erasure."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from textvae.errors import UserError
from textvae.modules.attributes import LabelGroups, Sizes


class ClassStatistics(nn.Module):
    """Exponential sums over the last 1 / (1 − momentum) batches of labelled vectors (B, Z), all processes together.

    counts (K,), sums (K, Z) and second moments outer (Z, Z) are buffers, so that a checkpoint holds them. With several
    attributes K are the labels of all of them, and every vector has one of each.
    """

    def __init__(self, size: int, classes: Sizes, momentum: float):
        super().__init__()
        self.momentum, self.groups = momentum, LabelGroups.of(classes)
        classes = self.groups.total
        self.counts: Tensor
        self.sums: Tensor
        self.outer: Tensor
        self.register_buffer("counts", torch.zeros(classes))
        self.register_buffer("sums", torch.zeros(classes, size))
        self.register_buffer("outer", torch.zeros(size, size))

    def reset(self) -> None:
        """Forget everything."""
        for buffer in (self.counts, self.sums, self.outer):
            buffer.zero_()

    @torch.no_grad()
    def observe(self, z: Tensor, labels: Tensor) -> None:
        """Add a batch (B, Z) with labels (B,) or (B, A); the sums over processes are taken here."""
        z = z.to(self.sums.dtype)
        one_hot = nn.functional.one_hot(self.groups.rows(labels), len(self.counts)).sum(1).to(z.dtype)
        parts = [one_hot.sum(0), one_hot.T @ z, z.T @ z]
        if dist.is_available() and dist.is_initialized():
            for part in parts:
                dist.all_reduce(part)
        for average, part in zip((self.counts, self.sums, self.outer), parts, strict=True):
            average.mul_(self.momentum).add_(part)

    @property
    def total(self) -> Tensor:
        """Vectors seen, the old ones discounted; at least 1."""
        return (self.counts.sum() / len(self.groups)).clamp(min=1.0)

    @property
    def shares(self) -> Tensor:
        """π_k (K,)."""
        return self.counts / self.total

    @property
    def means(self) -> Tensor:
        """μ_k (K, Z); 0 for a label that was never seen."""
        return self.sums / self.counts.clamp(min=1e-6)[:, None]

    @property
    def mean(self) -> Tensor:
        """μ (Z,) over all labels."""
        return self.sums.sum(0) / len(self.groups) / self.total

    def covariance(self) -> Tensor:
        """Σ (Z, Z) around the common mean."""
        return self.outer / self.total - torch.outer(self.mean, self.mean)

    def within(self) -> Tensor:
        """Σ (A, Z, Z) around the mean of each label, by attribute."""
        groups = zip(self.means.split(self.groups.sizes), self.counts.split(self.groups.sizes), strict=True)
        return torch.stack([self.outer - (means * counts[:, None]).T @ means for means, counts in groups]) / self.total


def with_ridge(covariance: Tensor, ridge: float) -> Tensor:
    """Σ + ridge · tr(Σ) / Z · I: invertible, at a scale that follows Σ."""
    scale = covariance.diagonal().mean().clamp(min=1e-8)
    return covariance + ridge * scale * torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)


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
