"""A prior that is fitted to the codes of a trained autoencoder, whose own weights stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from textvae.modules.attributes import LabelGroups
from textvae.modules.latents.base import PRIOR_STREAM
from textvae.modules.latents.flow import real_nvp
from textvae.modules.noise import NoiseKey, standard_normal

FITTED_STREAM = PRIOR_STREAM + 100
"""Number of its noise stream."""


@dataclass(frozen=True)
class FittedPriorShape:
    """size: numbers in a code, Z. labels: S of a prior conditional on labels, else 0. The flow's: transforms, hidden.

    attributes: how many of the labels each attribute has, where there are several.
    """

    size: int
    labels: int = 0
    transforms: int = 4
    hidden: int = 64
    attributes: tuple[int, ...] = ()

    @property
    def groups(self) -> LabelGroups:
        """The labels by attribute."""
        return LabelGroups.of(self.attributes or self.labels)


class FittedPrior(nn.Module):
    """p(z | y) = |det ∂f_y/∂x| N(f_y(x); 0, I) / Π_j s_j, x = (z − c) / s, f a RealNVP  (Dinh et al. 2017, eq. 2).

    Fitted after the autoencoder, to draws of its aggregate posterior, it is the second of the two stages of Dai & Wipf
    2019 (arXiv 1903.05789, sec. 4), which take a second VAE there. c, s: (Z,) mean and standard deviation of the codes.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, shape: FittedPriorShape):
        super().__init__()
        self.shape = shape
        self.flow = real_nvp(shape.size, shape.labels, shape.transforms, shape.hidden)
        self.register_buffer("centre", torch.zeros(shape.size))
        self.register_buffer("scale", torch.ones(shape.size))

    @torch.no_grad()
    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Take c and s (Z,); a number that never changes keeps its unit."""
        self.centre.copy_(mean)
        self.scale.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)))

    def given(self, label: Tensor | None) -> Any:
        """zuko's distribution of x for labels (B,) or (B, A), which a prior without labels does not read."""
        if not self.shape.labels:
            return self.flow(None)
        assert label is not None, "this prior is conditional on labels"
        rows = self.shape.groups.rows(label)
        return self.flow(self.centre.new_zeros(len(rows), self.shape.labels).scatter(1, rows, 1.0))

    def log_prob(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """log p(z | label) of codes (B, Z): (B,) nats."""
        with torch.autocast(z.device.type, enabled=False):
            found: Tensor = self.given(label).log_prob((z - self.centre) / self.scale)
        return found - self.scale.log().sum()

    def sample(self, label: Tensor, key: NoiseKey | None = None) -> Tensor:
        """z ~ p(z | label), (B, Z) for labels (B,) or (B, A); without labels they only give B."""
        eps = standard_normal(self.centre.new_empty(len(label), self.shape.size), key, FITTED_STREAM)
        with torch.autocast(eps.device.type, enabled=False):
            x: Tensor = self.given(label).transform.inv(eps)
        return self.centre + self.scale * x
