"""Running means and covariances of latent vectors, by label."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

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
