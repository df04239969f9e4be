"""Attention and positions: sinusoids and masks, and words that have a way of their own by their place."""

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


WIDTH = 128
"""Numbers in which a place is told: 128 of a state's 512 hold a word of the usual vocabularies."""


class WordsToVector(nn.Module):
    """Σ_t A_t B h_t over the words of a sentence, B shared, A_t of the place; words beyond place P share the last."""

    def __init__(self, places: int, state_size: int, vector_size: int):
        super().__init__()
        self.places = places
        self.narrow = nn.Linear(state_size, WIDTH, bias=False)
        self.gather = nn.Linear(places * WIDTH, vector_size, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """States (B, L, D), zero at padding → (B, V)."""
        words = self.narrow(states)
        spare = self.places - words.shape[1]
        if spare < 0:
            last = words[:, self.places - 1 :].sum(1, keepdim=True)
            words = torch.cat((words[:, : self.places - 1], last), dim=1)
        found: Tensor = self.gather(F.pad(words, (0, 0, 0, max(spare, 0))).flatten(1))
        return found


class VectorToWords(nn.Module):
    """C_t z for each place; words beyond place P hear what the last one does."""

    def __init__(self, places: int, vector_size: int):
        super().__init__()
        self.places = places
        self.spread = nn.Linear(vector_size, places * WIDTH)

    def forward(self, vector: Tensor) -> Tensor:
        """(B, V) → (B, P, W)."""
        found: Tensor = self.spread(vector).unflatten(1, (self.places, WIDTH))
        return found

    def along(self, told: Tensor, length: int) -> Tensor:
        """(B, P, W) → (B, L, W), what each of the first L words hears."""
        places = torch.arange(length, device=told.device).clamp(max=self.places - 1)
        return told[:, places]

    def at(self, told: Tensor, place: Tensor) -> Tensor:
        """(B, P, W) and the place (B,) of each row's word → (B, W)."""
        places = place.clamp(max=self.places - 1)[:, None, None].expand(-1, 1, told.shape[2])
        return told.gather(1, places)[:, 0]
