"""A Gaussian posterior under a prior that is learnt as a normalising flow (RealNVP, by the library zuko)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.modules.attributes import Sizes
from textvae.modules.config import LatentConfig
from textvae.modules.latents.base import PRIOR_STREAM, Evidence, LatentOutput
from textvae.modules.latents.gaussian import GaussianLatent
from textvae.modules.noise import NoiseKey, standard_normal


def real_nvp(size: int, context: int, transforms: int, hidden: int) -> nn.Module:
    """A RealNVP over `size` numbers, conditional on `context` numbers  (Dinh et al. 2017)."""
    try:
        from zuko.flows import RealNVP
    except ImportError as error:
        raise UserError("a flow needs zuko: pip install 'textvae[latents]'") from error
    if size < 2:
        raise UserError(f"a flow couples one half of z with the other: its size must be at least 2, not {size}")
    with torch.device("cpu"):  # its masks are made by computing, which the meta device cannot
        flow: nn.Module = RealNVP(size, context, transforms=transforms, hidden_features=(hidden, hidden))
    return flow


class FlowLatent(GaussianLatent):
    """q(z|x) = N(μ, diag σ²), p(z|y) = |det ∂f_y/∂z| N(f_y(z − m_y); 0, I)  (Dinh et al. 2017, eq. 2; in the ELBO:
    Chen et al. 2017, sec. 3.2).

    The KL has no closed form: penalty = log q(z|x) − log p(z|y) at the one z that is decoded (where means are decoded,
    at a draw beside them), which may be negative for a sentence and is unbiased. Under a class-conditional prior the
    flow reads the label, and m_y are its class means.

    penalty_units: (B, 1), since the dimensions cannot be told apart.
    """

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        if config.free_bits > 0:
            raise UserError("latent.free_bits is per dimension, which a flow prior does not have; set it to 0")
        super().__init__(config, input_size, num_classes, stream, blocks)
        self.context = self.told_labels()
        self.flow = real_nvp(self.size, self.context, config.transforms, config.flow_size)

    def prior(self, label: Tensor | None, rows: int, like: Tensor) -> Any:
        """zuko's distribution of z − m_y; without a label the context is 0."""
        if not self.context:
            return self.flow(None)
        if label is None:
            return self.flow(like.new_zeros(rows, self.context))
        return self.flow(F.one_hot(label, self.context).to(like.dtype))

    def log_prior(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        centre = 0.0 if label is None else self.prior_mean(label)
        with torch.autocast(z.device.type, enabled=False):
            found: Tensor = self.prior(label, z.shape[-2], z).log_prob(z - centre)
        return found

    def sample_prior(self, label: Tensor, key: NoiseKey | None = None) -> Tensor:
        like = self.mean.weight.new_empty(label.shape[0], self.size)
        eps = standard_normal(like, key, PRIOR_STREAM + self.stream)
        with torch.autocast(eps.device.type, enabled=False):
            found: Tensor = self.prior(label, len(eps), eps).transform.inv(eps)
        return self.prior_mean(label) + found

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        output = super().around(evidence, label, sample, key)
        draw = output.value if sample else self.draw(output, key or NoiseKey(0, 0, len(evidence.mean)))
        ratio = self.log_posterior(output, draw) - self.log_prior(draw, label)
        return replace(output, penalty_units=ratio[:, None], penalty=ratio)
