"""Decoders over a whole source: an embedded word at a time to the states that attention starts from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.modules.config import DecoderConfig
from textvae.modules.decoders import (
    DecoderBlock,
    DecoderState,
    GRUDecoder,
    LSTMDecoder,
    RecurrentDecoder,
    RecurrentState,
)
from textvae.modules.positions import sinusoids

NO_WORDS = nn.Embedding(0, 1)
"""Stands where `RecurrentDecoder.step` is handed the word vectors, which it reads from the state instead."""


class AttentiveDecoder(nn.Module):
    """Teacher-forced `forward` and incremental `start` and `step` over *embedded* words, which agree.

    Unlike `textvae.modules.decoders` they take the source's states (B, M, D_mem), its mask (B, M) and its summary
    (B, D_mem), and words that are already embedded: a countdown can be added, and words can be points on the simplex.
    """

    output_size: int
    scales_words = False
    """Whether it multiplies word vectors by the root of their width itself, as the Transformer does."""

    def __init__(self, config: DecoderConfig, embedding_size: int, memory_size: int):
        super().__init__()

    def forward(self, embedded: Tensor, states: Tensor, mask: Tensor, summary: Tensor) -> Tensor:
        """States (B, L, D) for words (B, L, E). Padding may only stand at the end."""
        raise TypeError(f"{type(self).__name__} must define forward")

    def start(self, states: Tensor, mask: Tensor, summary: Tensor) -> DecoderState:
        """State before the first word."""
        raise TypeError(f"{type(self).__name__} must define start")

    def step(self, embedded: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Words (B, E) and a state to (B, D) and the next state."""
        raise TypeError(f"{type(self).__name__} must define step")


class AttentiveRecurrentDecoder(AttentiveDecoder):
    """A recurrent decoder that reads the summary at every step; attention comes after it (`Pointer`), not into it.

    Without input feeding the states of all words are one call of the recurrent network.
    """

    network: type[RecurrentDecoder]

    def __init__(self, config: DecoderConfig, embedding_size: int, memory_size: int):
        super().__init__(config, embedding_size, memory_size)
        if config.places:
            raise UserError("decoder.places is for a decoder that reads a vector, and this one reads a whole source")
        self.embedding_size, self.output_size = embedding_size, config.size
        self.decoder = self.network(config, embedding_size, memory_size)

    def forward(self, embedded: Tensor, states: Tensor, mask: Tensor, summary: Tensor) -> Tensor:
        return self.decoder(summary[:, None], embedded)

    def start(self, states: Tensor, mask: Tensor, summary: Tensor) -> RecurrentState:
        weight, bias = self.decoder.gates("ih", 0)
        hidden = self.decoder.first_hidden(summary[:, None])
        cell = torch.zeros_like(hidden) if isinstance(self.decoder, LSTMDecoder) else None
        gates = F.linear(summary.to(weight.dtype), weight[:, self.embedding_size :], bias)
        place = torch.zeros(len(gates), dtype=torch.long, device=gates.device)
        return RecurrentState(hidden, cell, gates, (gates[:0],), place)

    def step(self, embedded: Tensor, state: DecoderState) -> tuple[Tensor, RecurrentState]:
        assert isinstance(state, RecurrentState)
        weight, _ = self.decoder.gates("ih", 0)
        # The decoder looks up the words' share of the gates by token: row i of this table is the word of row i.
        table = F.linear(embedded.to(weight.dtype), weight[:, : self.embedding_size])
        rows = torch.arange(len(table), device=table.device)
        hidden, following = self.decoder.step(rows, replace(state, word_gates=(table,)), NO_WORDS)
        return hidden, replace(following, word_gates=state.word_gates)


class AttentiveGRUDecoder(AttentiveRecurrentDecoder):
    """Gated recurrent units (Cho et al. 2014)."""

    network = GRUDecoder


class AttentiveLSTMDecoder(AttentiveRecurrentDecoder):
    """Long short-term memory (Hochreiter & Schmidhuber 1997)."""

    network = LSTMDecoder


@dataclass(frozen=True)
class AttentiveTransformerState(DecoderState):
    """keys, values: (B, layers, heads, t, D/heads) of the words so far; memory_*: the same over the source's M rows.

    mask: (B, M).
    """

    keys: Tensor
    values: Tensor
    memory_keys: Tensor
    memory_values: Tensor
    mask: Tensor


class AttentiveTransformerDecoder(AttentiveDecoder):
    """Transformer decoder (Vaswani et al. 2017), pre-norm, every block attending to the source."""

    scales_words = True

    def __init__(self, config: DecoderConfig, embedding_size: int, memory_size: int):
        super().__init__(config, embedding_size, memory_size)
        self.size = self.output_size = config.size
        self.project = nn.Linear(embedding_size, config.size)
        self.blocks: Sequence[DecoderBlock] = nn.ModuleList(  # type: ignore[assignment]
            DecoderBlock(config.size, config.heads, memory_size, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.size)
        self.dropout = nn.Dropout(config.dropout)

    def place(self, embedded: Tensor, first: int) -> Tensor:
        """Words (B, L, E) with the positions from `first` on."""
        positions = torch.arange(first, first + embedded.shape[1], device=embedded.device)
        return self.project(embedded) * math.sqrt(self.size) + sinusoids(positions, self.size)

    def forward(self, embedded: Tensor, states: Tensor, mask: Tensor, summary: Tensor) -> Tensor:
        x = self.place(embedded, 0)
        for block in self.blocks:
            x, _ = block(x, block.memory.keys_values(states), mask[:, None, None])
        return self.dropout(self.norm(x))

    def start(self, states: Tensor, mask: Tensor, summary: Tensor) -> AttentiveTransformerState:
        pairs = [block.memory.keys_values(states) for block in self.blocks]
        keys, values = (torch.stack(side, dim=1) for side in zip(*pairs, strict=True))
        empty = keys[:, :, :, :0]
        return AttentiveTransformerState(empty, empty, keys, values, mask)

    def step(self, embedded: Tensor, state: DecoderState) -> tuple[Tensor, AttentiveTransformerState]:
        assert isinstance(state, AttentiveTransformerState)
        x = self.place(embedded[:, None], state.keys.shape[3])
        pairs = []
        for i, block in enumerate(self.blocks):
            memory = (state.memory_keys[:, i], state.memory_values[:, i])
            x, pair = block(x, memory, state.mask[:, None, None], (state.keys[:, i], state.values[:, i]))
            pairs.append(pair)
        keys, values = (torch.stack(side, dim=1) for side in zip(*pairs, strict=True))
        return self.dropout(self.norm(x[:, 0])), replace(state, keys=keys, values=values)


ATTENTIVE_DECODERS: dict[str, type[AttentiveDecoder]] = {
    "gru": AttentiveGRUDecoder,
    "lstm": AttentiveLSTMDecoder,
    "transformer": AttentiveTransformerDecoder,
}


def build_attentive_decoder(config: DecoderConfig, embedding_size: int, memory_size: int) -> AttentiveDecoder:
    """The decoder named by `config.kind`."""
    return ATTENTIVE_DECODERS[config.kind](config, embedding_size, memory_size)
