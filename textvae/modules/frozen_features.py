"""States of a trained encoder that is never trained again: what it sees in words, or in points on the simplex."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.modules.encoders import Encoder
from textvae.modules.noise import embed, exact


class FrozenFeatures(nn.Module):
    """Words (B, L) or points (B, L, V') with their mask (B, L) to states (B, L, D), without dropout.

    Gradients pass through to the points and none stays in the network. Zero at padding.
    """

    def __init__(self, embedding: nn.Embedding, encoder: Encoder):
        super().__init__()
        self.embedding, self.encoder = embedding, encoder
        self.requires_grad_(False)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        return exact(self.encoder(embed(sequence, self.embedding), mask).states) * mask[..., None]


def gram(states: Tensor, mask: Tensor) -> Tensor:
    """G = (1/L) Σ_t h_t h_tᵀ: which features occur together, wherever (Gatys et al. 2016, eq. 3, divided by the words).

    states: (B, L, D); mask: (B, L). Returns (B, D, D), in at least fp32 under autocast too.
    """
    with torch.autocast(states.device.type, enabled=False):
        kept = exact(states) * mask[..., None]
        return kept.transpose(1, 2) @ kept / mask.sum(1)[:, None, None]


def mean_state(states: Tensor, mask: Tensor) -> Tensor:
    """(1/L) Σ_t h_t: (B, L, D) and (B, L) to (B, D)."""
    return (exact(states) * mask[..., None]).sum(1) / mask.sum(1)[:, None]
