"""What every latent space takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from textvae.errors import UserError
from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.erasure import LinearEraser
from textvae.modules.noise import NoiseKey


@dataclass
class LatentConfig:
    """Kind and size of one latent space."""

    kind: Literal["gaussian", "deterministic"] = "gaussian"
    """gaussian: q(z|x) = N(mu, exp(log_var)); deterministic: z = mu, the paper's DAE."""
    size: int = 128
    """Number of latent dimensions, Z. With several attributes the style space has so many for each of them."""
    prior: Literal["standard", "class_conditional"] = "standard"
    """standard: N(0, I). class_conditional: N(m_y, I) with a learnt mean for each label y."""
    separation: float = 2.0
    """Initial length of each m_y (class_conditional only): orthogonal directions, in prior standard deviations."""
    initial_std: float = 1.0
    """Posterior standard deviation at the start (gaussian only). Below 1 the decoder hears z from the first step."""
    free_bits: float = 0.0
    """Nats per dimension and sentence below which the KL costs nothing (Kingma et al. 2016, app. C.8)."""
    erase_labels: bool = False
    """Project the means so that no linear reader can tell the label from them (LEACE, Belrose et al. 2023)."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"a latent needs at least one dimension, not size: {self.size}")
        if self.initial_std <= 0:
            raise UserError(f"initial_std must be above 0, not {self.initial_std}")


@dataclass(frozen=True)
class LatentOutput:
    """One space's view of a batch.

    value: (B, Z) what the decoder reads: a sample in training, the mean otherwise.
    mean: (B, Z). log_var: (B, Z) or None for a point. unerased: (B, Z) the mean before `erase_labels`, or the mean.
    penalty_units: (B, Z) nats per dimension before free bits; penalty: (B,) nats after them.
    """

    value: Tensor
    mean: Tensor
    log_var: Tensor | None
    penalty_units: Tensor
    penalty: Tensor
    unerased: Tensor

    def detach(self) -> LatentOutput:
        """The same numbers outside the graph."""
        log_var = None if self.log_var is None else self.log_var.detach()
        return LatentOutput(
            self.value.detach(),
            self.mean.detach(),
            log_var,
            self.penalty_units.detach(),
            self.penalty.detach(),
            self.unerased.detach(),
        )


def at_least_fp32(x: Tensor) -> Tensor:
    """Half precision to fp32, fp32 and fp64 as they are: a variance of 8 bits would bias the KL."""
    return x.float() if x.element_size() < 4 else x


class Latent(nn.Module):
    """A summary vector (B, H) to a latent space of width Z, with a prior per label (or one for all).

    num_classes: labels of the one attribute, or of each. blocks: with as many as there are attributes, Z = blocks ·
    `config.size`, and under a class-conditional prior a label decides the mean of its own attribute's block.
    """

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        super().__init__()
        self.config, self.size, self.stream = config, blocks * config.size, stream
        self.groups = LabelGroups.of(num_classes)
        # Linear on purpose: dropout or a leaky ReLU on the mean (as in released codes) bends the posterior.
        self.mean = nn.Linear(input_size, self.size)
        if config.prior == "class_conditional":
            if blocks != len(self.groups):
                raise UserError(
                    "model.content.prior class_conditional: with several attributes a label has no mean in one space "
                    "for all of them; use standard"
                )
            self.prior_means = nn.Parameter(torch.empty(self.groups.total, config.size))
        self.eraser = LinearEraser(self.size, num_classes) if config.erase_labels else None
        self.reset()

    def reset(self) -> None:
        """Initial values of what is not a plain layer."""
        if self.config.prior == "class_conditional":
            self.reset_prior()
        if self.eraser is not None:
            self.eraser.reset()

    def reset_prior(self) -> None:
        """Class means of length `separation`, orthogonal within an attribute as far as there are dimensions."""
        size = self.config.size
        means = torch.cat([spread_out(classes, size) for classes in self.groups.sizes])
        self.prior_means.data.copy_(means * self.config.separation)

    def prior_mean(self, label: Tensor | None) -> Tensor | float:
        """m_y (B, Z) for labels (B,) or (B, A), or 0 under the standard prior."""
        if self.config.prior == "standard":
            return 0.0
        if label is None:
            raise ValueError("a class-conditional prior needs the labels")
        return self.groups.joined(self.prior_means, label)

    def sample_prior(self, label: Tensor) -> Tensor:
        """z ~ p(z | label): (B, Z) for labels (B,) or (B, A); under the standard prior the labels only give B."""
        weight = self.mean.weight
        return self.prior_mean(label) + torch.randn(label.shape[0], self.size, device=weight.device)

    def means(self, summary: Tensor) -> tuple[Tensor, Tensor]:
        """μ(x) (B, Z), after and before erasure."""
        unerased = at_least_fp32(self.mean(summary))
        return (unerased if self.eraser is None else self.eraser(unerased)), unerased

    def forward(
        self, summary: Tensor, label: Tensor | None = None, sample: bool = False, key: NoiseKey | None = None
    ) -> LatentOutput:
        raise TypeError(f"{type(self).__name__} must define forward")

    def charge(self, units: Tensor) -> Tensor:
        """Σ_j max(free_bits, KL_j): (B, Z) → (B,)."""
        return units.clamp(min=self.config.free_bits).sum(1) if self.config.free_bits > 0 else units.sum(1)


def spread_out(classes: int, size: int) -> Tensor:
    """Vectors (classes, size) of length 1, orthogonal where that is possible."""
    if classes <= size:
        # in fp32, whatever the weights are loaded in: there is no factorisation in 16 bits
        return nn.init.orthogonal_(torch.empty(classes, size, device="cpu", dtype=torch.float32))
    k = torch.arange(classes, device="cpu")  # the axes, then their opposites, then the same further out
    length = (1.0 + k // (2 * size)) * (1 - 2 * ((k // size) % 2))
    return torch.eye(size, device="cpu")[k % size] * length[:, None]
