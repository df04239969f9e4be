"""Gradient search in latent space for one sentence: the slow alternative to a single pass.

Revision in continuous space (Liu et al. 2020, "Revision in continuous space: unsupervised text style transfer without
adversarial learning") and fast gradient iterative modification (Wang et al. 2019, "Controllable unsupervised
text attribute transfer via editing entangled latent representation", alg. 1) move a latent along the gradient of an
attribute's predictor. Here the predictor reads the words that the latent gives, not the latent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.errors import UserError
from textvae.inference.scorers import Scorers
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.noise import exact, shifted, soft, straight_through
from textvae.tokenization.config import SPECIAL


@dataclass(frozen=True)
class RevisionConfig:
    """How far and how fast a latent moves."""

    steps: int = 20
    """Most steps of a sentence."""
    rate: float = 0.03
    """Length of the first step, as a share of ‖z‖. Long ones find the style as surely, but lose more of the content."""
    decay: float = 0.98
    """Each step is this share of the one before (Wang et al. 2019 decay likewise)."""
    penalty: float = 0.1
    """Weight of ‖z − z₀‖² / ‖z₀‖², the distance from where the search began, against log p(target)."""
    threshold: float = 0.9
    """A sentence stops when the guide gives the target this probability."""

    def __post_init__(self) -> None:
        if self.steps < 0 or self.rate <= 0 or not 0 < self.decay <= 1 or self.penalty < 0:
            raise UserError("revision: steps and penalty may not be negative, rate and decay must be above 0")
        if not 0 < self.threshold <= 1:
            raise UserError(f"revision: the threshold is a probability, not {self.threshold}")


Memory = Callable[[Tensor, Tensor], Tensor]
"""Latents (N, Zs + Zc) of the sentences numbered (N,) to the decoder's memory (N, M, D_mem)."""

Write = Callable[[Tensor], Tensor]
"""Memories to the sentences that they are decoded to, ids (N, T) that end in `</s>`."""


@dataclass(frozen=True)
class Revised:
    """latent: (B, Zs + Zc) of the likeliest sentence found. log_prob: (B,) of the target. steps: (B,) taken."""

    latent: Tensor
    log_prob: Tensor
    steps: Tensor


def revise(
    model: StyleContentVAE,
    scorers: Scorers,
    latent: Tensor,
    style: Tensor,
    memory: Memory,
    write: Write,
    config: RevisionConfig,
) -> Revised:
    """Ascend log p(target | words of z) − penalty · ‖z − z₀‖² / ‖z₀‖² from z₀ = `latent` (B, Zs + Zc).

    style: (S,) shares of the labels wanted, or (B, S) of each sentence; with several attributes log p(target) is the
    sum over them. Each step decodes greedily, reads the words with the guide and sends its
    gradient to z through the decoder, straight through the choice of words. Kept is the best latent of a sentence, by
    the same objective with the real words: never worse than z₀. Rows do not see each other.
    """
    best, start = latent.clone(), latent.detach()
    scores = torch.full((len(latent),), -torch.inf, dtype=exact(latent).dtype, device=latent.device)
    hits, taken = scores.clone(), torch.zeros(len(latent), dtype=torch.long, device=latent.device)
    open_ = torch.arange(len(latent), device=latent.device)
    current, rate = start.clone(), config.rate
    for step in range(config.steps + 1):
        z = current[open_]
        shares = style[open_] if style.dim() == 2 else style
        hit, objective, gradient = ascend(model, scorers, z, start, open_, shares, memory, write, config.penalty)
        better = objective > scores[open_]
        rows = open_[better]
        best[rows], scores[rows], hits[rows], taken[rows] = z[better], objective[better], hit[better], step
        left = hit.exp() < config.threshold
        if step == config.steps or not bool(left.any()):
            break
        open_, z, gradient = open_[left], z[left], gradient[left]
        length = gradient.norm(dim=1, keepdim=True).clamp(min=1e-12)
        # a step's length is set by the latent, not by the gradient, which vanishes where the guide is sure
        current[open_] = z + rate * z.norm(dim=1, keepdim=True) * gradient / length
        rate *= config.decay
    return Revised(best, hits, taken)


def ascend(
    model: StyleContentVAE,
    scorers: Scorers,
    z: Tensor,
    start: Tensor,
    rows: Tensor,
    style: Tensor,
    memory: Memory,
    write: Write,
    penalty: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """log p(target) of z's words (N,), the objective (N,) and its gradient (N, Z); rows (N,): their places in start.

    style: (S,) or (N, S).
    """
    found = write(memory(z, rows))
    with torch.inference_mode(False), torch.enable_grad():
        # no tensor of inference mode can take part in a graph
        z, start, style, tokens = (x.clone() for x in (z, start[rows], style, found))
        z.requires_grad_(True)
        mask = tokens != SPECIAL.pad
        hidden = model.decoder(memory(z, rows), model.target_embedding(shifted(tokens)))
        words = straight_through(soft(model.output.logits(hidden)), tokens)
        hit = (scorers.style(words, mask) * style).sum(-1)
        distance = (z - start).square().sum(1) / start.square().sum(1).clamp(min=1e-12)
        objective = hit - penalty * distance
        (gradient,) = torch.autograd.grad(objective.sum(), z)
    return hit.detach(), objective.detach(), gradient
