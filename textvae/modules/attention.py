"""Pre-norm Transformer blocks over `scaled_dot_product_attention`, shared by encoder and decoder."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoids(positions: Tensor, size: int) -> Tensor:
    """Sinusoidal position vectors (Vaswani et al. 2017, sec. 3.5) for `positions` (L,): (L, size).

    Computed where needed rather than kept in a buffer: nothing to save, no maximum length.
    """
    half = torch.arange(0, size, 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[:, None] * torch.exp(-math.log(10000.0) / size * half)[None, :]
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :size]


class Attention(nn.Module):
    """Multi-head attention from queries (B, L, D) to a memory (B, M, D_mem)."""

    def __init__(self, size: int, heads: int, memory_size: int | None = None, dropout: float = 0.0):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(size, size)
        self.key_value = nn.Linear(memory_size or size, 2 * size)
        self.out = nn.Linear(size, size)

    def split(self, x: Tensor) -> Tensor:
        """(B, L, D) → (B, heads, L, D / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of a memory, each (B, heads, M, D / heads): computed once, reused at every step."""
        key, value = self.key_value(memory).chunk(2, dim=-1)
        return self.split(key), self.split(value)

    def forward(self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool = False) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(
            self.split(self.query(x)), key, value, attn_mask=mask, dropout_p=dropout, is_causal=causal
        )
        return self.out(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Sequential):
    """D → 4 D → D with GELU."""

    def __init__(self, size: int, dropout: float):
        super().__init__(nn.Linear(size, 4 * size), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * size, size))
