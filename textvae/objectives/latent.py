"""J_kl_s, J_kl_c."""

from __future__ import annotations

from torch import Tensor

from textvae.modules.latents import LatentOutput


def kl(latent: LatentOutput) -> Tensor:
    """J_kl = KL(q(z|x) ‖ p(z)) = Σ_j ½ (σ_j² + (μ_j − m_j)² − 1 − log σ_j²)  (John et al. 2019, eq. 2).

    One call for each space, as q(z_s, z_c | x) = q(z_s|x) q(z_c|x) (sec. 3.1). The latent has already applied its
    free bits. With several attributes the KL of z_s is the sum over its blocks, each to the prior of its own label.
    Returns (B,) nats per sentence.
    """
    return latent.penalty
