"""What every encoder takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from textvae.errors import UserError


@dataclass
class EncoderConfig:
    """Size and kind of the encoder."""

    kind: Literal["gru", "lstm", "transformer"] = "gru"
    """Network that reads the sentence."""
    size: int = 256
    """Width of a state (per direction for recurrent encoders)."""
    layers: int = 1
    """Number of layers."""
    bidirectional: bool = True
    """Read the sentence both ways (recurrent encoders only)."""
    heads: int = 4
    """Attention heads (Transformer only)."""
    dropout: float = 0.0
    """Dropout between layers."""

    def __post_init__(self) -> None:
        if self.kind == "transformer" and self.size % self.heads:
            raise UserError(f"encoder.size {self.size} is not a multiple of encoder.heads {self.heads}")


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
