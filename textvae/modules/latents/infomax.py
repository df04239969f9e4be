"""A Gaussian latent that is told to know its own sentence's words: InfoNCE between z and the token states."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.modules.attributes import Sizes
from textvae.modules.latents.base import Evidence, LatentConfig, LatentOutput, at_least_fp32
from textvae.modules.latents.gaussian import GaussianLatent
from textvae.modules.noise import NoiseKey


def info_nce(scores: Tensor, mask: Tensor) -> Tensor:
    """−log softmax over the batch, at the own sentence, mean over its words  (van den Oord et al. 2018, eq. 4).

    scores: (B, L, B) of word t of sentence i with z of sentence k; mask: (B, L) the words. Returns (B,) nats;
    log B − J is a lower bound of the mutual information between z and a word's state, so at most log B.
    """
    own = torch.arange(len(scores), device=scores.device)[:, None].expand(mask.shape)
    nll = F.cross_entropy(at_least_fp32(scores).flatten(0, 1), own.flatten(), reduction="none").view(mask.shape)
    return (nll * mask).sum(1) / mask.sum(1).clamp(min=1)


class InfoMaxLatent(GaussianLatent):
    """Penalty KL + γ J_nce, γ = `nce_weight`  (Deep InfoMax, Hjelm et al. 2019, local objective, with InfoNCE).

    A word's state h_t is scored with z by z · W h_t; the other sentences of the micro-batch are the negatives.
    """

    def __init__(self, config: LatentConfig, input_size: int, num_classes: Sizes, stream: int, blocks: int = 1):
        super().__init__(config, input_size, num_classes, stream, blocks)
        self.score = nn.Linear(input_size, self.size, bias=False)

    def around(
        self,
        evidence: Evidence,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> LatentOutput:
        output = super().around(evidence, label, sample, key)
        assert tokens is not None, "the InfoMax term needs the token states"
        states, mask = tokens
        scores = self.score(states) @ output.value.to(states.dtype).T
        return replace(output, penalty=output.penalty + self.config.nce_weight * info_nce(scores, mask))
