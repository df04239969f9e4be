"""What every latent space takes and gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from textvae.errors import UserError
from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.erasure import LinearEraser
from textvae.modules.noise import NoiseKey, standard_normal

LatentKind = Literal[
    "gaussian", "deterministic", "bottleneck", "mmd", "infomax", "batch_norm", "flow", "vq", "adversarial"
]
PRIOR_STREAM = 3000
"""Numbers of the noise streams of prior samples: this one and the next few."""


@dataclass
class LatentConfig:
    """Kind and size of one latent space."""

    kind: LatentKind = "gaussian"
    """gaussian: q(z|x) = N(mu, exp(log_var)); deterministic: z = mu, the paper's DAE; bottleneck: a Gaussian held at
    `target_rate`; mmd: InfoVAE; infomax: a Gaussian whose z must know its own words; batch_norm: a Gaussian that cannot
    collapse; flow: a Gaussian under a learnt RealNVP prior (pip install 'textvae[latents]'); vq: codes of a codebook;
    adversarial: a point whose distribution a critic draws to the prior."""
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

    target_rate: float = 8.0
    """C, nats per sentence at which the KL is held (bottleneck only)."""
    rate_control: Literal["lagrangian", "absolute"] = "lagrangian"
    """How (bottleneck only): by a multiplier that follows the rate, or by |KL - C| (Burgess et al. 2018)."""
    alpha: float = 0.5
    """Share of the KL that the MMD replaces (mmd only; InfoVAE's alpha)."""
    mmd_weight: float = 10.0
    """InfoVAE's lambda: the MMD weighs alpha + lambda - 1 (mmd only)."""
    nce_weight: float = 1.0
    """Weight of InfoNCE beside the KL (infomax only)."""
    norm_scale: float = 0.5
    """Standard deviation of each mean over the batch (batch_norm only; Zhu et al. 2020 take .5 to .7)."""
    transforms: int = 4
    """Coupling layers (flow only)."""
    flow_size: int = 64
    """Hidden units of each coupling layer (flow only)."""
    slots: int = 8
    """Codes of a sentence; `size` is divided among them (vq only)."""
    codebook: int = 512
    """Entries of the codebook (vq only)."""
    codebook_decay: float = 0.99
    """Decay of the average that the codebook is (vq only; van den Oord et al. 2017: .99)."""
    commitment: float = 0.25
    """Weight of the distance to the chosen entries (vq only; van den Oord et al. 2017: .25)."""
    revival: float = 1.0
    """Entries that fewer vectors of a step choose, on average, are replaced; 0 lets them die (vq only)."""

    def __post_init__(self) -> None:
        self._check_kinds()
        if self.size < 1:
            raise UserError(f"a latent needs at least one dimension, not size: {self.size}")
        if self.initial_std <= 0:
            raise UserError(f"initial_std must be above 0, not {self.initial_std}")

    def _check_kinds(self) -> None:
        for name in ("target_rate", "norm_scale"):
            if not getattr(self, name) > 0:
                raise UserError(f"latent.{name} must be above 0, not {getattr(self, name)}")
        for name in ("mmd_weight", "nce_weight", "commitment", "revival"):
            if not getattr(self, name) >= 0:
                raise UserError(f"latent.{name} must not be negative, as {getattr(self, name)} is")
        for name in ("transforms", "flow_size", "slots", "codebook"):
            if getattr(self, name) < 1:
                raise UserError(f"latent.{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.codebook_decay < 1:
            raise UserError(f"latent.codebook_decay is a share below 1, not {self.codebook_decay}")


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
