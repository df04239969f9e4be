"""Latent spaces under one contract: value, posterior, prior, penalty, metrics."""

from __future__ import annotations

from textvae.modules.attributes import Sizes
from textvae.modules.config import LatentConfig
from textvae.modules.latents.base import Latent, LatentOutput
from textvae.modules.latents.gaussian import BatchNormLatent, BottleneckLatent, GaussianLatent, InfoMaxLatent, MMDLatent
from textvae.registry import resolve

LATENTS: dict[str, type[Latent] | str] = {
    "gaussian": GaussianLatent,
    "deterministic": "textvae.modules.latents.deterministic:DeterministicLatent",
    "bottleneck": BottleneckLatent,
    "mmd": MMDLatent,
    "infomax": InfoMaxLatent,
    "batch_norm": BatchNormLatent,
    "flow": "textvae.modules.latents.flow:FlowLatent",
    "vq": "textvae.modules.latents.vq:VQLatent",
    "adversarial": "textvae.modules.latents.deterministic:AdversarialLatent",
}
"""Kinds, as classes or as `module:name`, which is loaded when the first of the kind is built."""


def build_latent(config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1) -> Latent:
    """The latent named by `config.kind`; `stream` keeps the noise of different spaces apart. See `Latent`."""
    found = LATENTS[config.kind]
    kind: type[Latent] = resolve(found) if isinstance(found, str) else found
    return kind(config, input_size, num_classes, stream, blocks)


__all__ = ["LATENTS", "Latent", "LatentConfig", "LatentOutput", "build_latent"]
