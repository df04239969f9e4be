"""What every decoder takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from torch import Tensor, nn

from textvae.errors import UserError


@dataclass
class DecoderConfig:
    """Size and kind of the decoder."""

    kind: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Network that writes the sentence; pretrained: one of transformers, whose own size counts."""
    size: int = 256
    """Width of a state."""
    layers: int = 1
    """Number of layers."""
    heads: int = 4
    """Attention heads (Transformer only)."""
    dropout: float = 0.0
    """Dropout between layers and before the output layer."""
    pretrained: str | None = None
    """pretrained only: name on the hub, or folder, of a causal language model or encoder-decoder."""
    tuning: Literal["frozen", "full", "adapters"] = "adapters"
    """pretrained only. full: all of it learns; adapters: low-rank changes of its layers do; frozen: nothing does."""
    adapter_rank: int = 8
    """Rank of the adapters."""
    nearness: float = 0.0
    """gru and lstm with `memory.kind: full`: what the score of a word to look at loses for each place that it is away,
    when training starts; it is learnt from there. 0: nothing of the kind; 1: the words are found at once."""
    places: int = 0
    """gru and lstm: the first so many words each have a reading of [z_s; z_c] of their own (`textvae.modules.places`),
    so that a vector gives back what stood where. 0: all words read it alike."""
    prefix: int = 4
    """pretrained only: rows that [z_s; z_c] becomes: words before the first (causal) or to attend to (the others)."""
    network: dict[str, Any] | None = None
    """pretrained only: what rebuilds the network. Found by the training, stored with the model; not for you to set."""

    def __post_init__(self) -> None:
        if self.kind == "transformer" and self.size % self.heads:
            raise UserError(f"decoder.size {self.size} is not a multiple of decoder.heads {self.heads}")
        if self.pretrained is not None and self.kind != "pretrained":
            raise UserError(f"decoder.pretrained is {self.pretrained!r}, but decoder.kind is {self.kind}")
        if self.nearness < 0 or (self.nearness and self.kind not in ("gru", "lstm")):
            raise UserError(f"decoder.nearness must be 0 or above, and 0 for {self.kind}: it is {self.nearness}")
        if self.places < 0 or (self.places and self.kind not in ("gru", "lstm")):
            raise UserError(f"decoder.places must be 0 or above, and 0 for {self.kind}: it is {self.places}")
        if min(self.adapter_rank, self.prefix) < 1:
            raise UserError("decoder.adapter_rank and decoder.prefix must be at least 1")

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.pretrained} ({self.tuning})" if self.kind == "pretrained" else f"{self.kind} {self.size}"


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
