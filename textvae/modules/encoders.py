"""Sentence encoders: embedded tokens to states and one summary vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from textvae.modules.config import EncoderConfig
from textvae.modules.positions import Attention, FeedForward, WordsToVector, sinusoids
from textvae.registry import resolve


@dataclass(frozen=True)
class Encoded:
    """States (B, L, D), zero at padding, and one summary (B, D) per sentence."""

    states: Tensor
    summary: Tensor


class Encoder(nn.Module):
    """Embedded tokens (B, L, E) and mask (B, L) to `Encoded`; `output_size` is D."""

    output_size: int

    def __init__(self, config: EncoderConfig, input_size: int):
        super().__init__()

    def forward(self, embedded: Tensor, attention_mask: Tensor) -> Encoded:
        raise TypeError(f"{type(self).__name__} must define forward")


class Turn(torch.autograd.Function):
    """`turn`, whose gradient is itself: no scattering, a tenth of the time of indexing's own backward pass."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        return states.flatten(0, 1)[rows]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return turn(grads[0], *ctx.saved_tensors), None


def turn(states: Tensor, rows: Tensor) -> Tensor:
    """Change the places of words (B, L, D): rows (B, L), numbers into the B·L words, is its own inverse."""
    turned: Tensor = Turn.apply(states, rows)
    return turned


WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class RecurrentEncoder(Encoder):
    """Summary = last state forwards and first state backwards of the top layer, concatenated; with `places` it also
    hears from every word by its own way.
    """

    network: type[nn.GRU] | type[nn.LSTM]

    def __init__(self, config: EncoderConfig, input_size: int):
        super().__init__(config, input_size)
        self.rnn = self.network(
            input_size,
            config.size,
            num_layers=config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout if config.layers > 1 else 0.0,
            batch_first=True,
        )
        self.directions = 2 if config.bidirectional else 1
        self.output_size = config.size * self.directions
        self.by_place = WordsToVector(config.places, self.output_size, self.output_size) if config.places else None

    def forward(self, embedded: Tensor, attention_mask: Tensor) -> Encoded:
        lengths = attention_mask.sum(1)
        if bool((lengths == embedded.shape[1]).all()):  # the rule, where batches hold one length (see data/loader.py)
            states, last = self.rnn(embedded)
            hidden = last[0] if isinstance(last, tuple) else last
            return self.summarized(states, list(hidden[-self.directions :]))
        states = self.padded(embedded, lengths)
        last_word = (lengths - 1)[:, None, None].expand(-1, 1, self.rnn.hidden_size)
        summary = [states[..., : self.rnn.hidden_size].gather(1, last_word)[:, 0]]
        if self.directions == 2:
            summary.append(states[:, 0, self.rnn.hidden_size :])
        return self.summarized(states * attention_mask[..., None].to(states.dtype), summary)

    def summarized(self, states: Tensor, last: list[Tensor]) -> Encoded:
        """States (B, L, D), zero at padding, and the last state (B, size) of each direction."""
        summary = torch.cat(last, dim=-1)
        return Encoded(states, summary if self.by_place is None else summary + self.by_place(states))

    def padded(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """States (B, L, D) of texts with padding at their ends, where states mean nothing.

        Each direction is a call of its own, the second over the words in turned order: half the time of a packed
        sequence on a CPU, whose bf16 kernel takes only whole rows.
        """
        places = torch.arange(embedded.shape[1], device=embedded.device)
        turned = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
        rows = turned + torch.arange(len(turned), device=embedded.device)[:, None] * embedded.shape[1]
        states = embedded
        for layer in range(self.rnn.num_layers):
            if layer:
                states = nn.functional.dropout(states, self.rnn.dropout, self.training)
            found = [self.direction(states, layer, "")]
            if self.directions == 2:
                found.append(turn(self.direction(turn(states, rows), layer, "_reverse"), rows))
            states = torch.cat(found, dim=-1)
        return states

    def direction(self, inputs: Tensor, layer: int, suffix: str) -> Tensor:
        """One layer in one direction: (B, L, D) to (B, L, size)."""
        weights = [getattr(self.rnn, f"{name}_l{layer}{suffix}") for name in WEIGHTS]
        start = inputs.new_zeros(1, len(inputs), self.rnn.hidden_size)
        settings = (weights, True, 1, 0.0, self.training, False, True)  # biases, layers, dropout, …, batch first
        if isinstance(self.rnn, nn.LSTM):
            states: Tensor = torch.lstm(inputs, (start, start), *settings)[0]
            return states
        return torch.gru(inputs, start, *settings)[0]


class GRUEncoder(RecurrentEncoder):
    """Gated recurrent units (Cho et al. 2014)."""

    network = nn.GRU


class LSTMEncoder(RecurrentEncoder):
    """Long short-term memory (Hochreiter & Schmidhuber 1997)."""

    network = nn.LSTM


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


ENCODERS: dict[str, type[Encoder]] = {
    "gru": GRUEncoder,
    "lstm": LSTMEncoder,
    "transformer": TransformerEncoder,
}
"""Networks of our own by kind; `pretrained` is loaded when it is built, as it brings transformers along."""


def build_encoder(config: EncoderConfig, input_size: int) -> Encoder:
    """The encoder named by `config.kind` for embeddings of width `input_size`."""
    if config.kind == "pretrained":
        pretrained: type[Encoder] = resolve("textvae.modules.pretrained:PretrainedEncoder")
        return pretrained(config, input_size)
    return ENCODERS[config.kind](config, input_size)
