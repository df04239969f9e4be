"""What a configuration with pretrained parts must agree on."""

from __future__ import annotations

from dataclasses import replace

from textvae.errors import UserError
from textvae.modules.decoders import DecoderConfig
from textvae.modules.encoders import EncoderConfig
from textvae.tokenization.config import TokenizerConfig


def with_tokenizer_of_parts(
    tokenizer: TokenizerConfig, encoder: EncoderConfig, decoder: DecoderConfig, start: str | None
) -> TokenizerConfig:
    """The tokenizer, that of the pretrained parts where it names none; UserError where the two do not go together."""
    sources = [part.pretrained for part in (encoder, decoder) if part.kind == "pretrained"]
    if sources and tokenizer.kind != "pretrained" and start is None:
        raise UserError(
            f"tokenizer.kind is {tokenizer.kind}, but a pretrained part knows only its own vocabulary; "
            "set tokenizer.kind pretrained"
        )
    if tokenizer.kind == "pretrained" and tokenizer.pretrained is None and sources:
        return replace(tokenizer, pretrained=sources[0])
    return tokenizer
