"""Latent spaces under one contract: value, posterior, prior, penalty, metrics."""

from __future__ import annotations

from textvae.modules.attributes import Sizes
from textvae.modules.config import LatentConfig
from textvae.modules.latents.base import Latent, LatentOutput
from textvae.modules.latents.deterministic import AdversarialLatent, DeterministicLatent
from textvae.modules.latents.flow import FlowLatent
from textvae.modules.latents.gaussian import BatchNormLatent, BottleneckLatent, GaussianLatent, InfoMaxLatent, MMDLatent
from textvae.modules.latents.vq import VQLatent

LATENTS: dict[str, type[Latent]] = {
    "gaussian": GaussianLatent,
    "deterministic": DeterministicLatent,
    "bottleneck": BottleneckLatent,
    "mmd": MMDLatent,
    "infomax": InfoMaxLatent,
    "batch_norm": BatchNormLatent,
    "flow": FlowLatent,
    "vq": VQLatent,
    "adversarial": AdversarialLatent,
}


def build_latent(config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1) -> Latent:
    """The latent named by `config.kind`; `stream` keeps the noise of different spaces apart. See `Latent`."""
    return LATENTS[config.kind](config, input_size, num_classes, stream, blocks)


__all__ = ["LATENTS", "Latent", "LatentConfig", "LatentOutput", "build_latent"]
