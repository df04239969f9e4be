"""J_critic, J_gp, J_gen: the Wasserstein critic with gradient penalty, and the GAN losses that it replaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from textvae.modules.critics import Critic
from textvae.modules.noise import exact


def critic(real: Tensor, fake: Tensor) -> Tensor:
    """J_critic = f(x̃) − f(x), the negative of the estimated Wasserstein distance  (Gulrajani et al. 2017, eq. 3).

    real: (B,) scores of human texts; fake: (B,) scores of generated ones. Returns (B,).
    """
    return exact(fake) - exact(real)


def generator(fake: Tensor) -> Tensor:
    """J_gen = −f(x̃)  (Arjovsky et al. 2017, algorithm 1). fake: (B,) scores. Returns (B,)."""
    return -exact(fake)


def gradient_penalty(
    critic_fn: Callable[[Tensor, Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    eps: Tensor,
    mask: Tensor,
    metric: Tensor | None = None,
) -> Tensor:
    """J_gp = (‖∇_x̂ f(x̂)‖₂ − 1)², x̂ = ε x + (1 − ε) x̃  (Gulrajani et al. 2017, eq. 3). Returns (B,), in fp32.

    critic_fn: (points, mask) → (B,); real, fake: (B, L, K) points; eps: (B, 1, 1) uniform in [0, 1); mask: (B, L) the
    positions that the critic reads. The norm is over all positions of a text. λ = 10 in the papers.

    Points are constants unless `metric` is given. metric: (K, K) M, for points h = W x that are themselves a
    projection of x with M = W Wᵀ: the norm √(gᵀ M g) is then that of ∇_x, exactly, and W learns through h and M. So
    with W = (E, V') a critic over 15,000 words is penalised without one (B, L, V') tensor.
    """
    with torch.autocast(real.device.type, enabled=False):
        eps = eps.to(exact(real).dtype)
        if metric is None:
            real, fake = real.detach(), fake.detach()
        points = eps * exact(real) + (1 - eps) * exact(fake)
        if not points.requires_grad:
            points.requires_grad_()
        (slope,) = torch.autograd.grad(critic_fn(points, mask).sum(), points, create_graph=True)
        squared = (slope if metric is None else slope @ metric).mul(slope).sum((1, 2))
        return (squared.clamp(min=torch.finfo(squared.dtype).tiny).sqrt() - 1).square()


@dataclass(frozen=True)
class Compared:
    """Scores (B,) of human and of generated texts, and the penalty (B,) between them."""

    real: Tensor
    fake: Tensor
    penalty: Tensor


def compare(critic: Critic, real: Tensor, real_mask: Tensor, fake: Tensor, fake_mask: Tensor, eps: Tensor) -> Compared:
    """Everything phase `critic` needs, each text projected once.

    real, fake: ids (B, L) or points (B, L, V'), of the same or of different L, with masks (B, L) bool; eps: (B, 1, 1).
    A text is the zero vector beyond its end, and x̂ is read as far as the longer of its two texts goes. No gradient
    reaches `fake`.
    """
    longest = max(real_mask.shape[1], fake_mask.shape[1])
    texts = []
    for sequence, mask in ((real, real_mask), (fake.detach(), fake_mask)):
        room = longest - mask.shape[1]
        embedded = critic.embed(sequence) * mask[..., None]
        texts.append((F.pad(embedded, (0, 0, 0, room)), F.pad(mask, (0, room))))
    (real, real_mask), (fake, fake_mask) = texts
    penalty = gradient_penalty(critic.score, real, fake, eps, real_mask | fake_mask, critic.gram())
    return Compared(critic.score(real, real_mask), critic.score(fake, fake_mask), penalty)


def discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """J_critic = −log D(x) − log(1 − D(x̃)), D = σ(score)  (Goodfellow et al. 2014, eq. 1). (B,), (B,) → (B,) nats."""
    return F.softplus(-exact(real)) + F.softplus(exact(fake))


def saturating(fake: Tensor) -> Tensor:
    """J_gen = log(1 − D(x̃))  (Goodfellow et al. 2014, eq. 1). (B,) → (B,) nats.

    Its slope on the score is −D(x̃): it vanishes just where the discriminator wins. Here so that it can be shown.
    """
    return -F.softplus(exact(fake))


def non_saturating(fake: Tensor) -> Tensor:
    """J_gen = −log D(x̃)  (Goodfellow et al. 2014, sec. 3). (B,) → (B,) nats. Its slope on the score is D(x̃) − 1."""
    return F.softplus(-exact(fake))


GENERATOR_LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "non_saturating": non_saturating,
    "saturating": saturating,
    "wasserstein": generator,
}
CRITIC_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "non_saturating": discriminator,
    "saturating": discriminator,
    "wasserstein": critic,
}
"""What the critic descends against each of the generator's losses."""
