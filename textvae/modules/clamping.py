"""Clamping: sentences that are known to share a factor have one value in the space that holds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from textvae.modules.config import ClampingConfig
from textvae.modules.latents.base import Evidence, LatentOutput, at_least_fp32


def still(x: Tensor) -> Tensor:
    """x with a gradient of zero. Not `detach`: data-parallel wrappers wait for a gradient of every parameter."""
    return x.detach() + 0.0 * x


@dataclass(frozen=True)
class Clamped:
    """A batch's groups, as the shared space sees them.

    summary: (B, H) of every sentence the mean of its group. same: (B, B) whether two are of one group. first: (B,) row
    of its group's first sentence. size: (B,) sentences of its group. summaries: (B, H) of the sentences themselves.
    """

    summary: Tensor
    same: Tensor
    first: Tensor
    size: Tensor
    summaries: Tensor

    @classmethod
    def of(cls, summaries: Tensor, group: Tensor) -> Clamped:
        """Summaries (B, H) of the sentences of groups (B,)."""
        same = group[:, None] == group
        size = same.sum(1)
        exact = at_least_fp32(summaries)
        shares = same.to(exact.dtype) / size[:, None]
        with torch.autocast(exact.device.type, enabled=False):  # a product, unlike a scattered sum, repeats bit by bit
            mean = shares @ exact
        return cls(mean.to(summaries.dtype), same, same.to(torch.uint8).argmax(1), size, summaries)

    def product(self, each: Evidence) -> Evidence:
        """N(μ, σ²) ∝ Π_i N(μ_i, σ_i²) over the sentences i of a group, the same for all of them  (Bouchacourt et al.
        2018, group evidence): 1 / σ² = Σ_i 1 / σ_i², μ = σ² Σ_i μ_i / σ_i².
        """
        assert each.log_var is not None, "a product needs variances"
        rows = self.first[:, None].expand_as(each.log_var)
        surest = torch.full_like(each.log_var, torch.inf).scatter_reduce(0, rows, each.log_var.detach(), "amin")
        least = surest.gather(0, rows)  # so that no precision overflows, and the largest of a group is 1
        with torch.autocast(least.device.type, enabled=False):
            same, precision = self.same.to(least.dtype), (least - each.log_var).exp()
            total = same @ precision
            return Evidence((same @ (precision * each.mean)) / total, least - total.log())

    def output(self, found: LatentOutput, trains: str) -> LatentOutput:
        """The shared space of every sentence from its view of `summary`: one value and one penalty for a group."""
        found = replace(found, value=found.value[self.first], penalty=found.penalty / self.size)
        if trains == "all":
            return found
        fixed = {name: still(x) for name, x in vars(found).items() if x is not None and x.is_floating_point()}
        return replace(found, **fixed)

    def apart(self, weight: Tensor) -> Tensor:
        """μ_i − μ̄ (B, Z): how far each sentence's own mean is from its group's, for the layer W of μ = W h + b."""
        away = at_least_fp32(self.summaries) - at_least_fp32(self.summary)
        with torch.autocast(away.device.type, enabled=False):
            return away @ weight.to(away.dtype).T


def clamped_space(
    latent: Any, clamping: ClampingConfig, summaries: Tensor, group: Tensor, **inputs: Any
) -> tuple[LatentOutput, Tensor]:
    """The shared space of a batch of groups, and how far (B, Z) each sentence is from its group's mean.

    As evidence `mean` is taken of the summaries h: μ = W h + b is linear, so this is the mean of the posterior means,
    for every kind of latent (of log σ² it is the mean too). inputs: what else the latent reads.
    """
    groups = Clamped.of(summaries, group)
    if clamping.evidence == "product":
        found = latent.around(groups.product(latent.evidence(summaries)), **inputs)
    else:
        found = latent(groups.summary, **inputs)
    return groups.output(found, clamping.trains), groups.apart(latent.mean.weight)
