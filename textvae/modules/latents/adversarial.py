"""A point whose aggregate a critic draws to the prior: the adversarial autoencoder."""

from __future__ import annotations

from textvae.modules.latents.deterministic import DeterministicLatent


class AdversarialLatent(DeterministicLatent):
    """z = μ(x), as deterministic; a critic that sees z and draws of the prior makes their distributions meet.

    Makhzani et al. 2016 (arXiv 1511.05644), sec. 2. The critic and its phases belong to the recipe
    (`training/prior_game.py`); J_kl, ½‖μ‖², should have weight 0 or a small one.
    """
