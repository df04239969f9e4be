"""Latents that are points: the deterministic autoencoder, and the one whose distribution a critic shapes."""

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


class AdversarialLatent(DeterministicLatent):
    """z = μ(x), as deterministic; a critic that sees z and draws of the prior makes their distributions meet.

    Makhzani et al. 2016 (arXiv 1511.05644), sec. 2. The critic and its phases belong to the recipe
    (`training/prior_game.py`); J_kl, ½‖μ‖², should have weight 0 or a small one.
    """
