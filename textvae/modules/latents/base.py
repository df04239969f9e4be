"""What every latent space takes and gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textvae.errors import UserError
from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.config import LatentConfig
from textvae.modules.noise import NoiseKey, standard_normal
from textvae.modules.statistics import LinearEraser

PRIOR_STREAM = 3000
"""Numbers of the noise streams of prior samples: this one and the next few."""


@dataclass(frozen=True)
class LatentOutput:
    """One space's view of a batch.

    value: (B, Z) what the decoder reads: a sample in training, the mean otherwise.
    mean: (B, Z). log_var: (B, Z) or None for a point. unerased: (B, Z) the mean before `erase_labels`, or the mean.
    penalty_units: (B, Z) nats per dimension before free bits; penalty: (B,) nats after them.
    codes: (B, M) entries of a codebook, None where there is none.
    """

    value: Tensor
    mean: Tensor
    log_var: Tensor | None
    penalty_units: Tensor
    penalty: Tensor
    unerased: Tensor
    codes: Tensor | None = None

    def detach(self) -> LatentOutput:
        """The same numbers outside the graph."""
        return LatentOutput(*(None if v is None else v.detach() for v in vars(self).values()))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Evidence:
    """What each of B rows says of its z, before `erase_labels`: mean (B, Z), log_var (B, Z) or None for a point."""

    mean: Tensor
    log_var: Tensor | None = None


def at_least_fp32(x: Tensor) -> Tensor:
    """Half precision to fp32, fp32 and fp64 as they are: a variance of 8 bits would bias the KL."""
    return x.float() if x.element_size() < 4 else x


def normal_log_prob(z: Tensor, mean: Tensor | float, log_var: Tensor) -> Tensor:
    """log N(z; mean, exp(log_var)) summed over the last dimension: −½ Σ_j (log 2π + log σ_j² + (z_j − μ_j)² / σ_j²)."""
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mean) ** 2 * (-log_var).exp()).sum(-1)


class Latent(nn.Module):
    """A summary vector (B, H) to a latent space of width Z, with a prior per label (or one for all).

    num_classes: labels of the one attribute, or of each. blocks: with as many as there are attributes, Z = blocks ·
    `config.size`, and under a class-conditional prior a label decides the mean of its own attribute's block.
    """

    codebook_size: int = 0
    """Entries of the codebook, where there is one."""

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

    def sample_prior(self, label: Tensor, key: NoiseKey | None = None) -> Tensor:
        """z ~ p(z | label): (B, Z) for labels (B,) or (B, A); under the standard prior the labels only give B."""
        return self.prior_draws(self.mean.weight.new_empty(label.shape[0], self.size), label, key)

    def prior_draws(self, like: Tensor, label: Tensor | None, key: NoiseKey | None) -> Tensor:
        """Draws in the shape and precision of `like` (B, Z); without labels from the standard prior."""
        centre = 0.0 if label is None else self.prior_mean(label)
        return centre + standard_normal(like, key, PRIOR_STREAM + self.stream)

    def told_labels(self) -> int:
        """Labels that a prior of its own is told: those of the one attribute, or 0 under a standard prior."""
        if len(self.groups) > 1 and self.config.prior == "class_conditional":
            raise UserError(f"a latent of kind {self.config.kind} knows one attribute; use kind gaussian with several")
        return self.groups.total if self.config.prior == "class_conditional" else 0

    def log_prior(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """log p(z | label): (..., B, Z) → (..., B) nats; without labels that of the standard prior."""
        centre = 0.0 if label is None else self.prior_mean(label)
        return normal_log_prob(z, centre, z.new_zeros(()))

    def log_posterior(self, output: LatentOutput, z: Tensor) -> Tensor:
        """log q(z | x) of what `forward` gave for B sentences: (..., B, Z) → (..., B) nats. Points have no density."""
        assert output.log_var is not None, "a point has no density"
        return normal_log_prob(z, output.mean, output.log_var)

    def draw(self, output: LatentOutput, key: NoiseKey | None = None) -> Tensor:
        """Another value (B, Z) from the posteriors of B sentences; a point's is always the same."""
        if output.log_var is None:
            return output.value
        return output.mean + (0.5 * output.log_var).exp() * standard_normal(output.mean, key, self.stream)

    def log_ratio(self, output: LatentOutput, z: Tensor, label: Tensor | None = None) -> Tensor | None:
        """log p(z | label) − log q(z | x), (B,) nats, at values (B, Z); None where there is no such density."""
        if output.log_var is None:
            return None
        return self.log_prior(z, label) - self.log_posterior(output, z)

    def cost(self, output: LatentOutput) -> Tensor:
        """(B,) what models are compared by on dev: the penalty, unless its scale changes during training."""
        return output.penalty

    def observe(self, outputs: list[LatentOutput], label: Tensor) -> None:
        """Once a step, after its backward passes: what is learnt without a gradient, from all micro-batches.

        outputs: of every micro-batch, in order, outside the graph; label: (B,) of all of them.
        """
        if self.eraser is not None:
            self.eraser.observe(torch.cat([output.unerased for output in outputs]), label)

    def unerased(self, summary: Tensor) -> Tensor:
        """μ(x) (B, Z) before erasure."""
        return at_least_fp32(self.mean(summary))

    def erased(self, mean: Tensor) -> Tensor:
        """μ (B, Z) without what tells the label, where that is erased."""
        return mean if self.eraser is None else self.eraser(mean)

    def evidence(self, summary: Tensor) -> Evidence:
        """What summaries (B, H) say of z."""
        return Evidence(self.unerased(summary))

    def forward(
        self,
        summary: Tensor,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        """Summaries (B, H) with labels (B,) for the prior; tokens: states (B, L, H) and mask (B, L) of the words."""
        return self.around(self.evidence(summary), label, sample, key, tokens)

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        """The same from what is known of z, however it was found (`modules/clamping.py` joins that of several rows)."""
        raise TypeError(f"{type(self).__name__} must define around")

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
