"""Recurrent decoders that read [z_s; z_c] at every step (John et al. 2019, sec. 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.modules.decoders.base import Decoder, DecoderConfig, DecoderState
from textvae.modules.memory import MemoryAttention, present
from textvae.modules.places import WIDTH, VectorToWords


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
