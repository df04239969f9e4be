"""Transformer decoder over a memory (Vaswani et al. 2017), pre-norm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from textvae.modules.attention import Attention, FeedForward, sinusoids
from textvae.modules.decoders.base import Decoder, DecoderConfig, DecoderState
from textvae.modules.memory import present


@dataclass(frozen=True)
class TransformerState(DecoderState):
    """keys, values: (B, layers, heads, t, D/heads) of the words so far; memory_*: the same over the memory's M rows.

    latent: (B, D) added to every word's embedding. memory_mask: (B, 1, 1, M) which rows there are; None for one row.
    """

    keys: Tensor
    values: Tensor
    memory_keys: Tensor
    memory_values: Tensor
    latent: Tensor
    memory_mask: Tensor | None = None


def memory_mask(memory: Tensor) -> Tensor | None:
    """(B, 1, 1, M) for attention to a memory (B, M, D_mem); None where it is one vector, which is always there."""
    return None if memory.shape[1] == 1 else present(memory)[:, None, None]


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to the memory, feed-forward, each x + f(norm x)."""

    def __init__(self, size: int, heads: int, memory_size: int, dropout: float):
        super().__init__()
        self.norm_self, self.norm_memory, self.norm_feed = (nn.LayerNorm(size) for _ in range(3))
        self.attention = Attention(size, heads, dropout=dropout)
        self.memory = Attention(size, heads, memory_size, dropout)
        self.feed = FeedForward(size, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        memory: tuple[Tensor, Tensor],
        mask: Tensor | None = None,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (B, L, D), mask (B, 1, 1, M) → (B, L, D) and the keys and values seen so far. With a past, L is 1."""
        normed = self.norm_self(x)
        key, value = self.attention.keys_values(normed)
        if past is not None:
            key, value = torch.cat((past[0], key), dim=2), torch.cat((past[1], value), dim=2)
        x = x + self.dropout(self.attention(normed, key, value, None, causal=past is None))
        x = x + self.dropout(self.memory(self.norm_memory(x), *memory, mask))
        return x + self.dropout(self.feed(self.norm_feed(x))), (key, value)


class TransformerDecoder(Decoder):
    """The memory enters twice: attended to in every block, and its first row added to every embedding.

    With M = 1 attention is a constant, so the second way is what gives each position its share of z.
    """

    def __init__(self, config: DecoderConfig, embedding_size: int, memory_size: int, attends: bool = False):
        super().__init__(config, embedding_size, memory_size, attends)
        self.size = self.output_size = config.size
        self.project = nn.Linear(embedding_size, config.size)
        self.latent = nn.Linear(memory_size, config.size)
        self.blocks: Sequence[DecoderBlock] = nn.ModuleList(  # type: ignore[assignment]
            DecoderBlock(config.size, config.heads, memory_size, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.size)

    def place(self, embedded: Tensor, latent: Tensor, first: int) -> Tensor:
        """Embedded words (B, L, E) with the latent (B, D) and the positions from `first` on."""
        positions = torch.arange(first, first + embedded.shape[1], device=embedded.device)
        scaled = self.project(embedded) * math.sqrt(self.size)
        return scaled + latent[:, None] + sinusoids(positions, self.size)

    def forward(self, memory: Tensor, embedded: Tensor) -> Tensor:
        x, mask = self.place(embedded, self.latent(memory[:, 0]), 0), memory_mask(memory)
        for block in self.blocks:
            x, _ = block(x, block.memory.keys_values(memory), mask)
        return self.dropout(self.norm(x))

    def start(self, memory: Tensor, embedding: nn.Embedding) -> TransformerState:
        pairs = [block.memory.keys_values(memory) for block in self.blocks]
        keys, values = (torch.stack(side, dim=1) for side in zip(*pairs, strict=True))
        empty = keys[:, :, :, :0]
        return TransformerState(empty, empty, keys, values, self.latent(memory[:, 0]), memory_mask(memory))

    def step(self, tokens: Tensor, state: DecoderState, embedding: nn.Embedding) -> tuple[Tensor, TransformerState]:
        assert isinstance(state, TransformerState)
        x = self.place(embedding(tokens)[:, None], state.latent, state.keys.shape[3])
        pairs = []
        for i, block in enumerate(self.blocks):
            memory = (state.memory_keys[:, i], state.memory_values[:, i])
            x, pair = block(x, memory, state.memory_mask, (state.keys[:, i], state.values[:, i]))
            pairs.append(pair)
        keys, values = (torch.stack(side, dim=1) for side in zip(*pairs, strict=True))
        return self.dropout(self.norm(x[:, 0])), replace(state, keys=keys, values=values)
