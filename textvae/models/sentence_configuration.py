"""Configuration of the sentence autoencoder with one latent space."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from textvae.models.saved import SavedConfig, known
from textvae.modules.config import DecoderConfig, EncoderConfig, LatentConfig


@dataclass
class SentenceModelConfig:
    """The networks, as a user writes them down."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Network that reads the sentence."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """Network that writes it."""
    latent: LatentConfig = field(default_factory=lambda: LatentConfig(size=64))
    """The latent space z, all that the decoder reads."""
    embedding_size: int = 300
    """Width of a word vector, shared by encoder and decoder. A pretrained part brings its own."""
    embedding_dropout: float = 0.0
    """Dropout on word vectors."""
    bag_of_words: bool = False
    """A layer that tells the sentence's words from z alone, for J_bow (Zhao et al. 2017, sec. 3.3)."""
    output: Literal["full", "adaptive"] = "full"
    """Softmax over the vocabulary: exact, or adaptive with clusters of rare words (word tokenizer only)."""
    decoder_embedding_size: int | None = None
    """Width of the word vectors of a pretrained decoder beside another pretrained encoder. Found by the training."""


class SentenceVAEConfig(SavedConfig):
    """All that rebuilds the networks of a saved model: `config.json` beside the weights.

    Sub-configurations are dictionaries of `EncoderConfig`, `DecoderConfig` and `LatentConfig`; unknown keys are
    refused. labels: names of the classes of a class-conditional prior; other priors do not read them.
    """

    model_type = "textvae_sentence_vae"
    is_encoder_decoder: bool = True

    sentence_encoder: dict[str, Any] | None = None
    sentence_decoder: dict[str, Any] | None = None
    latent_space: dict[str, Any] | None = None
    embedding_size: int = 300
    decoder_embedding_size: int | None = None
    embedding_dropout: float = 0.0
    bag_of_words: bool = False
    output: str = "full"
    labels: list[str] | None = None
    decoder_start_token_id: int = 1
    max_length: int = 30

    def parts(self) -> tuple[EncoderConfig, DecoderConfig, LatentConfig]:
        """The three sub-configurations, checked."""
        return (
            known(EncoderConfig, self.sentence_encoder or {}, "encoder"),
            known(DecoderConfig, self.sentence_decoder or {}, "decoder"),
            known(LatentConfig, self.latent_space or {}, "latent"),
        )


def saved_config(
    config: SentenceModelConfig, vocab_size: int, labels: tuple[str, ...], max_length: int
) -> SentenceVAEConfig:
    """Join what the user wrote with what the data decided."""
    networks = {"encoder": "sentence_encoder", "decoder": "sentence_decoder", "latent": "latent_space"}
    values = {networks.get(name, name): value for name, value in asdict(config).items()}
    return SentenceVAEConfig(**values, vocab_size=vocab_size, labels=list(labels), max_length=max_length)
