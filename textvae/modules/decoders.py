"""Decoders: from a memory (B, M, D) to states that the output layer reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.modules.config import DecoderConfig
from textvae.modules.memory import MemoryAttention, present
from textvae.modules.positions import WIDTH, Attention, FeedForward, VectorToWords, sinusoids
from textvae.registry import resolve


@dataclass(frozen=True)
class DecoderState:
    """Everything a decoder carries from step to step: tensors whose dimension 0 is the row, or None."""

    def select(self, rows: Tensor) -> DecoderState:
        """Keep `rows` (N,) in that order: reorders beams, drops finished rows."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{n: t.index_select(0, rows) for n, t in tensors.items() if isinstance(t, Tensor)})


class Decoder(nn.Module):
    """Teacher-forced `forward` and incremental `start` and `step`, which agree (a law in tests/laws.py).

    The embedding is shared with the encoder and handed over at every call, so that it has one owner.
    memory: (B, M, D_mem): memory[:, 0] = [z_s; z_c]; what follows is attended to, rows of zeros being padding. A
    vector bottleneck has M = 1. attends: whether there ever is more.
    """

    output_size: int

    def __init__(self, config: DecoderConfig, embedding_size: int, memory_size: int, attends: bool = False):
        super().__init__()
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, memory: Tensor, embedded: Tensor) -> Tensor:
        """States (B, L, D) for embedded decoder inputs (B, L, E). Padding may only stand at the end."""
        raise TypeError(f"{type(self).__name__} must define forward")

    def start(self, memory: Tensor, embedding: nn.Embedding) -> DecoderState:
        """State before the first token."""
        raise TypeError(f"{type(self).__name__} must define start")

    def step(self, tokens: Tensor, state: DecoderState, embedding: nn.Embedding) -> tuple[Tensor, DecoderState]:
        """Tokens (B,) and a state to hidden (B, D) and the next state."""
        raise TypeError(f"{type(self).__name__} must define step")


@dataclass(frozen=True)
class RecurrentState(DecoderState):
    """hidden (and cell, for the LSTM): (B, layers, D); latent_gates: (B, G) the memory's share of layer 0's gates.

    word_gates: (V, G) the words' share, one row a word, in a tuple: it belongs to the decoder, so `select` keeps it.
    rows, keys, mask: (B, M, D_mem), (B, M, D) and (B, M) of what is attended to, None for a vector bottleneck.
    told: (B, P, W) what the memory tells each place, None where it tells all the same. place: (B,) the number of words
    read so far.
    """

    hidden: Tensor
    cell: Tensor | None
    latent_gates: Tensor
    word_gates: tuple[Tensor]
    place: Tensor
    rows: Tensor | None = None
    keys: Tensor | None = None
    mask: Tensor | None = None
    told: Tensor | None = None


class RecurrentDecoder(Decoder):
    """x_t = [embedding of y_{t-1}; z], h_0 = tanh(W z), z the memory's first row; then attention to the others.

    With `places` the input is [embedding of y_{t-1}; z; C_t z], C_t of the place.
    """

    network: type[nn.GRU] | type[nn.LSTM]

    def __init__(self, config: DecoderConfig, embedding_size: int, memory_size: int, attends: bool = False):
        super().__init__(config, embedding_size, memory_size, attends)
        if config.nearness and not attends:
            raise UserError("decoder.nearness is for a decoder that looks back, and this one has nothing to look at")
        self.embedding_size, self.layers, self.output_size = embedding_size, config.layers, config.size
        self.by_place = VectorToWords(config.places, memory_size) if config.places else None
        self.rnn = self.network(
            embedding_size + memory_size + (WIDTH if config.places else 0),
            config.size,
            num_layers=config.layers,
            dropout=config.dropout if config.layers > 1 else 0.0,
            batch_first=True,
        )
        self.bridge = nn.Linear(memory_size, config.layers * config.size)
        self.attention = MemoryAttention(config.size, memory_size, config.nearness) if attends else None
        self._table: tuple[Tensor, Tensor, bool, Tensor] | None = None

    def first_hidden(self, memory: Tensor) -> Tensor:
        """(B, layers, D)."""
        return torch.tanh(self.bridge(memory[:, 0])).unflatten(1, (self.layers, -1))

    def forward(self, memory: Tensor, embedded: Tensor) -> Tensor:
        length = embedded.shape[1]
        heard = [embedded, memory[:, :1].expand(-1, length, -1).to(embedded.dtype)]
        if self.by_place is not None:
            heard.append(self.by_place.along(self.by_place(memory[:, 0]), length).to(embedded.dtype))
        hidden = self.first_hidden(memory).transpose(0, 1).contiguous()
        states, _ = self.rnn(torch.cat(heard, dim=-1), self.first(hidden))
        if self.attention is not None:
            rows = memory[:, 1:]
            states = self.attention(states, rows, self.attention.key(rows), present(rows))
        return self.dropout(states)

    def gates(self, side: str, layer: int) -> tuple[Tensor, Tensor]:
        """Weight and bias of the gates of a layer: side "ih" reads the input, "hh" the last state."""
        return getattr(self.rnn, f"weight_{side}_l{layer}"), getattr(self.rnn, f"bias_{side}_l{layer}")

    def first(self, hidden: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """What the network wants as its first state: (layers, B, D)."""
        return hidden

    def start(self, memory: Tensor, embedding: nn.Embedding) -> RecurrentState:
        weight, bias = self.gates("ih", 0)
        vector = memory[:, 0].to(weight.dtype)
        gates = F.linear(vector, weight[:, self.embedding_size : self.embedding_size + vector.shape[1]], bias)
        hidden = self.first_hidden(memory)
        cell = torch.zeros_like(hidden) if isinstance(self.rnn, nn.LSTM) else None
        place = torch.zeros(len(memory), dtype=torch.long, device=memory.device)
        told = None if self.by_place is None else self.by_place(vector)
        state = RecurrentState(hidden, cell, gates, (self.word_gates(embedding),), place, told=told)
        if self.attention is None:
            return state
        rows = memory[:, 1:]
        return replace(state, rows=rows, keys=self.attention.key(rows), mask=present(rows))

    def word_gates(self, embedding: nn.Embedding) -> Tensor:
        """E W_eᵀ (V, G): the product of every embedding with the gates, kept until one of the two changes.

        Turns the widest product of a decoding step into a row look-up; 5 ms for 9,000 words, 28 MB in fp32. Whether it
        still holds is seen by comparing the weights themselves (1 ms): fused optimizers change them without raising
        their version counter, and a stale table quietly decodes with the weights of an earlier evaluation.
        """
        weight, _ = self.gates("ih", 0)
        words = weight[:, : self.embedding_size]
        if torch.is_grad_enabled():
            return F.linear(embedding.weight, words)
        low = torch.is_autocast_enabled(embedding.weight.device.type)
        if not self._table_holds(embedding.weight, words, low):
            table = F.linear(embedding.weight, words)
            self._table = (embedding.weight.clone(), words.clone(), low, table)
        assert self._table is not None
        return self._table[3]

    def _table_holds(self, embedding: Tensor, words: Tensor, low: bool) -> bool:
        if self._table is None or self._table[2] != low:
            return False
        pairs = ((self._table[0], embedding), (self._table[1], words))
        return all(a.dtype == b.dtype and a.device == b.device and torch.equal(a, b) for a, b in pairs)

    def step(self, tokens: Tensor, state: DecoderState, embedding: nn.Embedding) -> tuple[Tensor, RecurrentState]:
        assert isinstance(state, RecurrentState)
        gates = F.embedding(tokens, state.word_gates[0]) + state.latent_gates
        if self.by_place is not None:
            assert state.told is not None
            heard = self.by_place.at(state.told, state.place)
            gates = gates + F.linear(heard, self.gates("ih", 0)[0][:, -WIDTH:])
        hiddens: list[Tensor] = []
        cells: list[Tensor | None] = []
        for layer in range(self.layers):
            if layer:
                gates = F.linear(hiddens[-1], *self.gates("ih", layer))
            previous = state.hidden[:, layer]
            cell = None if state.cell is None else state.cell[:, layer]
            hidden, cell = self.cell(gates, F.linear(previous, *self.gates("hh", layer)), previous, cell)
            hiddens.append(hidden)
            cells.append(cell)
        stacked = None if state.cell is None else torch.stack([c for c in cells if c is not None], dim=1)
        top, following = hiddens[-1], torch.stack(hiddens, dim=1)
        if self.attention is not None:
            assert state.rows is not None and state.keys is not None and state.mask is not None
            top = self.attention(top[:, None], state.rows, state.keys, state.mask, state.place)[:, 0]
        return self.dropout(top), replace(state, hidden=following, cell=stacked, place=state.place + 1)

    def cell(
        self, x_gates: Tensor, h_gates: Tensor, hidden: Tensor, cell: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """One cell from the two halves of its gates, in torch's order of gates."""
        raise TypeError(f"{type(self).__name__} must define cell")


class GRUDecoder(RecurrentDecoder):
    """Gated recurrent units (Cho et al. 2014)."""

    network = nn.GRU

    def cell(
        self, x_gates: Tensor, h_gates: Tensor, hidden: Tensor, cell: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        size = self.output_size
        reset, update = torch.sigmoid(x_gates[:, : 2 * size] + h_gates[:, : 2 * size]).chunk(2, dim=1)
        new = torch.tanh(x_gates[:, 2 * size :] + reset * h_gates[:, 2 * size :])
        return new + update * (hidden - new), None


class LSTMDecoder(RecurrentDecoder):
    """Long short-term memory (Hochreiter & Schmidhuber 1997); c_0 = 0."""

    network = nn.LSTM

    def first(self, hidden: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return hidden, torch.zeros_like(hidden)

    def cell(
        self, x_gates: Tensor, h_gates: Tensor, hidden: Tensor, cell: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        assert cell is not None
        input_gate, forget, candidate, output = (x_gates + h_gates).chunk(4, dim=1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(input_gate) * torch.tanh(candidate)
        return torch.sigmoid(output) * torch.tanh(cell), cell


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


DECODERS: dict[str, type[Decoder]] = {
    "gru": GRUDecoder,
    "lstm": LSTMDecoder,
    "transformer": TransformerDecoder,
}
"""Networks of our own by kind; `pretrained` is loaded when it is built, as it brings transformers along."""


def build_decoder(config: DecoderConfig, embedding_size: int, memory_size: int, attends: bool = False) -> Decoder:
    """The decoder named by `config.kind`; `attends` if memories will have more than one row."""
    if config.kind == "pretrained":
        built: Decoder = resolve("textvae.modules.pretrained:PretrainedDecoder")(
            config, embedding_size, memory_size, attends
        )
        return built
    return DECODERS[config.kind](config, embedding_size, memory_size, attends)
