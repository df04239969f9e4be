"""From what the user writes to what is saved."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.laws import BAG, LABELS, LONGEST, VOCABULARY, model_config, tiny_config
from textvae.errors import UserError
from textvae.models.configuration import ModelConfig, StyleContentVAEConfig, pretrained_config
from textvae.modules.config import DecoderConfig, LatentConfig, MemoryConfig


def test_every_choice_of_the_user_reaches_the_saved_configuration() -> None:
    config = model_config("lstm", "transformer", dropout=0.25, output="adaptive")
    config.style.free_bits, config.content.separation = 0.5, 3.0
    made = pretrained_config(config, VOCABULARY, BAG, LABELS, LONGEST)
    encoder, decoder, style, content = made.parts()
    assert (encoder, decoder, style, content) == (config.encoder, config.decoder, config.style, config.content)
    assert (made.embedding_size, made.embedding_dropout, made.output) == (6, 0.25, "adaptive")
    assert (made.vocab_size, made.bag_size, made.labels, made.max_length) == (VOCABULARY, BAG, list(LABELS), LONGEST)


def test_the_paper_is_the_default() -> None:
    config = ModelConfig()
    assert (config.style.size, config.content.size) == (8, 128)
    assert (config.encoder.kind, config.encoder.size, config.encoder.bidirectional) == ("gru", 256, True)
    assert config.embedding_size == 300 and config.adversary == "linear"


def test_a_saved_configuration_is_independent_of_its_source() -> None:
    config = ModelConfig()
    made = pretrained_config(config, VOCABULARY, BAG, LABELS, LONGEST)
    config.encoder.size = 1
    assert made.parts()[0].size == 256


def test_defaults_without_parts() -> None:
    assert StyleContentVAEConfig().parts()[2].size == 8


def test_unknown_keys_are_refused_and_named() -> None:
    config = tiny_config()
    config.style_space = {**asdict(LatentConfig()), "widht": 3}
    with pytest.raises(UserError, match="style.*widht"):
        config.parts()


@pytest.mark.parametrize("kind", ["none", "pooled"])
def test_nearness_is_for_a_memory_of_words(kind: str) -> None:
    with pytest.raises(UserError, match=f"decoder.nearness.*{kind}"):
        ModelConfig(decoder=DecoderConfig(nearness=1.0), memory=MemoryConfig(kind=kind))  # type: ignore[arg-type]
    for decoder, nearness in (("transformer", 1.0), ("gru", -1.0)):
        with pytest.raises(UserError, match="decoder.nearness"):
            DecoderConfig(kind=decoder, nearness=nearness)  # type: ignore[arg-type]
