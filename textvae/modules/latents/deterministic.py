"""A point instead of a distribution: the paper's deterministic autoencoder (DAE)."""

from __future__ import annotations

from torch import Tensor

from textvae.modules.latents.base import Evidence, Latent, LatentOutput
from textvae.modules.noise import NoiseKey


class DeterministicLatent(Latent):
    """z = μ(x). Penalty ½‖μ − m‖², the part of a Gaussian's KL that concerns the mean.

    John et al. 2019, sec. 3.1 has no penalty: give `J_kl_*` weight 0. A small weight keeps the space compact
    enough to interpolate in.
    """

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        mean = self.erased(evidence.mean)
        centre = 0.0 if label is None else self.prior_mean(label)
        units = 0.5 * (mean - centre) ** 2
        return LatentOutput(mean, mean, None, units, self.charge(units), evidence.mean)
