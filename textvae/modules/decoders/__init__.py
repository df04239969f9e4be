"""Decoders: from a memory (B, M, D) to states that the output layer reads."""

from __future__ import annotations

from textvae.modules.decoders.base import Decoder, DecoderConfig, DecoderState
from textvae.modules.decoders.pretrained import PretrainedDecoder
from textvae.modules.decoders.recurrent import GRUDecoder, LSTMDecoder
from textvae.modules.decoders.transformer import TransformerDecoder

DECODERS: dict[str, type[Decoder]] = {
    "gru": GRUDecoder,
    "lstm": LSTMDecoder,
    "transformer": TransformerDecoder,
    "pretrained": PretrainedDecoder,
}

__all__ = ["DECODERS", "Decoder", "DecoderConfig", "DecoderState", "build_decoder"]


def build_decoder(config: DecoderConfig, embedding_size: int, memory_size: int, attends: bool = False) -> Decoder:
    """The decoder named by `config.kind`; `attends` if memories will have more than one row."""
    return DECODERS[config.kind](config, embedding_size, memory_size, attends)
