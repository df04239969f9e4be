"""What every encoder takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from textvae.errors import UserError


@dataclass
class EncoderConfig:
    """Size and kind of the encoder."""

    kind: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Network that reads the sentence; pretrained: one of transformers, whose own size counts."""
    size: int = 256
    """Width of a state (per direction for recurrent encoders)."""
    layers: int = 1
    """Number of layers."""
    bidirectional: bool = True
    """Read the sentence both ways (recurrent encoders only)."""
    places: int = 0
    """gru and lstm: the first so many words each reach the sentence's summary by a way of their own
    (`textvae.modules.places`), beside the last states. 0: only through the last states."""
    heads: int = 4
    """Attention heads (Transformer only)."""
    dropout: float = 0.0
    """Dropout between layers."""
    pretrained: str | None = None
    """pretrained only: name on the hub, or folder, of an encoder or encoder-decoder."""
    tuning: Literal["frozen", "full", "adapters"] = "frozen"
    """pretrained only. full: all of it learns; adapters: low-rank changes of its layers do; frozen: nothing does."""
    adapter_rank: int = 8
    """Rank of the adapters."""
    network: dict[str, Any] | None = None
    """pretrained only: what rebuilds the network. Found by the training, stored with the model; not for you to set."""

    def __post_init__(self) -> None:
        if self.kind == "transformer" and self.size % self.heads:
            raise UserError(f"encoder.size {self.size} is not a multiple of encoder.heads {self.heads}")
        if self.pretrained is not None and self.kind != "pretrained":
            raise UserError(f"encoder.pretrained is {self.pretrained!r}, but encoder.kind is {self.kind}")
        if self.places < 0 or (self.places and self.kind not in ("gru", "lstm")):
            raise UserError(f"encoder.places must be 0 or above, and 0 for {self.kind}: it is {self.places}")
        if self.adapter_rank < 1:
            raise UserError(f"encoder.adapter_rank must be at least 1, not {self.adapter_rank}")

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.pretrained} ({self.tuning})" if self.kind == "pretrained" else f"{self.kind} {self.size}"


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
