"""A Gaussian latent with a target rate: the information bottleneck as a constraint instead of a weight."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from textvae.modules.attributes import Sizes
from textvae.modules.latents.base import LatentConfig, LatentOutput
from textvae.modules.latents.gaussian import GaussianLatent

RATE = 0.02
"""How fast the multiplier follows: e-fold in 50 steps at twice the target rate."""
LIMITS = (1e-3, 1e3)


class BottleneckLatent(GaussianLatent):
    """Penalty m (R − C) of a Gaussian latent, R = Σ_j KL_j nats a sentence, C = `target_rate`.

    absolute: m = sign(R̄ − C), so that the mean penalty is |R̄ − C| (Burgess et al. 2018, eq. 8; the weight of J_kl is
    their γ). lagrangian: m is the multiplier of min J_rec subject to R̄ = C, moved by m ← m exp(η (R̄ / C − 1)) after
    every step (the update of Rezende & Viola 2018, sec. 2.3, with the rate in place of the reconstruction); give J_kl
    weight 1. R̄ is the mean over the last step's batch, all processes and micro-batches together.
    """

    multiplier: Tensor

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        super().__init__(config, input_size, num_classes, stream, blocks)
        self.register_buffer("multiplier", torch.ones(()))

    def reset(self) -> None:
        super().reset()
        if hasattr(self, "multiplier"):  # the base class calls this before it is there
            self.multiplier.fill_(1.0)

    def charge(self, units: Tensor) -> Tensor:
        return self.multiplier.to(units.dtype) * (super().charge(units) - self.config.target_rate)

    def cost(self, output: LatentOutput) -> Tensor:
        """|R̄ − C|: the multiplier's scale is no merit."""
        rates = output.penalty_units.sum(1)
        return (rates.mean() - self.config.target_rate).abs().expand(len(rates))

    @torch.no_grad()
    def observe(self, outputs: list[LatentOutput], label: Tensor) -> None:
        super().observe(outputs, label)
        rates = torch.cat([output.penalty_units.sum(1) for output in outputs])
        sums = torch.stack((rates.sum(), rates.new_tensor(float(len(rates)))))
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(sums)
        rate, target = sums[0] / sums[1], self.config.target_rate
        if self.config.rate_control == "absolute":
            self.multiplier.copy_(torch.where(rate > target, 1.0, -1.0))
        else:
            step = (RATE * (rate / target - 1)).clamp(-1, 1).exp()
            self.multiplier.copy_((self.multiplier * step.to(self.multiplier.dtype)).clamp(*LIMITS))
