"""Transformer encoder (Vaswani et al. 2017), pre-norm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textvae.modules.attention import Attention, FeedForward, sinusoids
from textvae.modules.encoders.base import Encoded, Encoder, EncoderConfig


class EncoderBlock(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(self, size: int, heads: int, dropout: float):
        super().__init__()
        self.norm_attention, self.norm_feed = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = Attention(size, heads, dropout=dropout)
        self.feed = FeedForward(size, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        normed = self.norm_attention(x)
        x = x + self.dropout(self.attention(normed, *self.attention.keys_values(normed), mask))
        return x + self.dropout(self.feed(self.norm_feed(x)))


class TransformerEncoder(Encoder):
    """Summary = mean of the top states over the sentence."""

    def __init__(self, config: EncoderConfig, input_size: int):
        super().__init__(config, input_size)
        self.size = self.output_size = config.size
        self.project = nn.Linear(input_size, config.size)
        self.blocks: Sequence[EncoderBlock] = nn.ModuleList(  # type: ignore[assignment]
            EncoderBlock(config.size, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.size)

    def forward(self, embedded: Tensor, attention_mask: Tensor) -> Encoded:
        positions = torch.arange(embedded.shape[1], device=embedded.device)
        x = self.project(embedded) * math.sqrt(self.size) + sinusoids(positions, self.size)
        keep = attention_mask.bool()
        for block in self.blocks:
            x = block(x, keep[:, None, None, :])
        states = self.norm(x) * keep[:, :, None]
        return Encoded(states, states.sum(1) / keep.sum(1, keepdim=True).clamp(min=1))
