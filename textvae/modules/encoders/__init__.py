"""Sentence encoders: embedded tokens to states and one summary vector."""

from __future__ import annotations

from textvae.modules.encoders.base import Encoded, Encoder, EncoderConfig
from textvae.modules.encoders.pretrained import PretrainedEncoder
from textvae.modules.encoders.recurrent import GRUEncoder, LSTMEncoder
from textvae.modules.encoders.transformer import TransformerEncoder

ENCODERS: dict[str, type[Encoder]] = {
    "gru": GRUEncoder,
    "lstm": LSTMEncoder,
    "transformer": TransformerEncoder,
    "pretrained": PretrainedEncoder,
}


def build_encoder(config: EncoderConfig, input_size: int) -> Encoder:
    """The encoder named by `config.kind` for embeddings of width `input_size`."""
    return ENCODERS[config.kind](config, input_size)


__all__ = ["ENCODERS", "Encoded", "Encoder", "EncoderConfig", "build_encoder"]
