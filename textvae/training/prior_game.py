"""The game of an adversarial autoencoder: a critic tells z from draws of the prior, the encoder makes them alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.modules.latents import Latent
from textvae.modules.noise import NoiseKey, mix, uniform
from textvae.objectives.wgan_gp import Compared, gradient_penalty
from textvae.training.config import PriorGameConfig, TrainingConfig
from textvae.training.recipe import Phase

GAME_STREAM = 4000


class PriorCritic(nn.Module):
    """Scores of vectors (B, Z): higher is more like the prior."""

    def __init__(self, size: int, hidden: int):
        super().__init__()
        first = [nn.Linear(size, hidden), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*first, nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def score(self, z: Tensor) -> Tensor:
        """(B, Z) → (B,), at least fp32."""
        with torch.autocast(z.device.type, enabled=False):
            found: Tensor = self.layers(z)[:, 0]
        return found

    def forward(self, real: Tensor, fake: Tensor, eps: Tensor) -> Compared:
        """Draws of the prior (B, Z), latents (B, Z), places between them (B, 1). No gradient reaches either."""
        real, fake = real.detach(), fake.detach()
        mask = torch.ones(len(real), 1, dtype=torch.bool, device=real.device)
        penalty = gradient_penalty(
            lambda points, _: self.score(points[:, 0]), real[:, None], fake[:, None], eps[:, :, None], mask
        )
        return Compared(self.score(real), self.score(fake), penalty)


class PriorGame:
    """Phase critic: the critic descends J_critic (+ λ J_gp), `updates` times a step, on the latents of phase vae.

    Makhzani et al. 2016, sec. 2, with the losses of `objectives/wgan_gp`. Phase vae adds J_gen to the model's terms.
    space: ending of the names of phase, critic and terms where a model has several spaces, such as `_c`.
    """

    def __init__(self, latent: Latent, config: PriorGameConfig, space: str = ""):
        self.latent, self.config, self.space = latent, config, space
        self.critic = PriorCritic(latent.size, config.hidden)

    @property
    def module(self) -> str:
        """Name of the critic among a recipe's modules."""
        return f"prior_critic{self.space}"

    @property
    def phase(self) -> Phase:
        """The critic's turn. The penalty belongs to the Wasserstein loss alone."""
        terms = ("J_critic", "J_gp") if self.config.loss == "wasserstein" else ("J_critic",)
        named = tuple(f"{term}{self.space}" for term in terms)
        return Phase(f"critic{self.space}", self.module, named, self.config.updates)

    def optimizer(self, config: TrainingConfig) -> torch.optim.Optimizer:
        """Adam with β (.5, .9)."""
        return torch.optim.Adam(self.critic.parameters(), lr=self.config.learning_rate, betas=(0.5, 0.9), fused=True)

    def play(self, critic: nn.Module, z: Tensor, label: Tensor, key: NoiseKey | None, number: int) -> Compared:
        """Update `number` of a step: the latents (B, Z) beside new draws of the prior, whatever the split."""
        key = (
            None
            if key is None
            else NoiseKey(mix(key.seed, GAME_STREAM + self.latent.stream, number), key.first_row, key.total_rows)
        )
        with torch.no_grad():
            real = self.latent.prior_draws(z, label, key)
        found: Compared = critic(real, z, uniform(z[:, :1], key, GAME_STREAM))
        return found
