"""Configuration of the factorised hierarchical VAE."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from textvae.errors import UserError
from textvae.models.saved import SavedConfig, known
from textvae.modules.decoders import DecoderConfig
from textvae.modules.encoders import EncoderConfig
from textvae.modules.latents import LatentConfig


@dataclass
class HierarchicalModelConfig:
    """The networks, as a user writes them down."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Networks that read the sentence: one for z2, one of the same shape for z1, which also reads z2 at every word."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """Network that writes the sentence from [z1; z2]."""
    sentence: LatentConfig = field(default_factory=lambda: LatentConfig(size=32))
    """z1, what changes from sentence to sentence; p(z1) = N(0, 1). Gaussian, standard prior."""
    document: LatentConfig = field(default_factory=lambda: LatentConfig(size=32, initial_std=0.5))
    """z2, what a document keeps; p(z2 | mu2) = N(mu2, .25) with p(mu2) = N(0, 1). Gaussian, standard prior."""
    embedding_size: int = 300
    """Width of a word vector, shared by encoders and decoder."""
    embedding_dropout: float = 0.0
    """Dropout on word vectors."""
    output: Literal["full", "adaptive"] = "full"
    """Softmax over the vocabulary: exact, or adaptive with clusters of rare words (word tokenizer only)."""

    def __post_init__(self) -> None:
        for name in ("sentence", "document"):
            check_space(name, getattr(self, name))
        for name in ("encoder", "decoder"):
            if getattr(self, name).kind == "pretrained":
                raise UserError(f"model.{name}.kind pretrained: the hierarchical model has networks of its own only")
        if self.document.free_bits:
            raise UserError("model.document.free_bits: the bound of the hierarchical model has none; set it to 0")


def check_space(name: str, config: LatentConfig) -> None:
    """Raise UserError unless a space is what the paper's equations are written for."""
    if config.kind != "gaussian" or config.prior != "standard" or config.erase_labels:
        raise UserError(
            f"model.{name} must be gaussian with the standard prior, without erase_labels: the bound is written so"
        )


class HierarchicalVAEConfig(SavedConfig):
    """All that rebuilds the networks of a saved model: `config.json` beside the weights.

    Sub-configurations are dictionaries of `EncoderConfig`, `DecoderConfig`, `LatentConfig`; unknown keys are refused.
    """

    model_type = "textvae_hierarchical_vae"
    is_encoder_decoder: bool = True

    sentence_encoder: dict[str, Any] | None = None
    sentence_decoder: dict[str, Any] | None = None
    sentence_space: dict[str, Any] | None = None
    document_space: dict[str, Any] | None = None
    embedding_size: int = 300
    decoder_embedding_size: int | None = None
    embedding_dropout: float = 0.0
    output: str = "full"
    decoder_start_token_id: int = 1
    max_length: int = 30

    def parts(self) -> tuple[EncoderConfig, DecoderConfig, LatentConfig, LatentConfig]:
        """The four sub-configurations, checked."""
        return (
            known(EncoderConfig, self.sentence_encoder or {}, "encoder"),
            known(DecoderConfig, self.sentence_decoder or {}, "decoder"),
            known(LatentConfig, self.sentence_space or {}, "sentence"),
            known(LatentConfig, self.document_space or {}, "document"),
        )


def hierarchical_config(config: HierarchicalModelConfig, vocab_size: int, max_length: int) -> HierarchicalVAEConfig:
    """Join what the user wrote with what the data decided."""
    names = {
        "encoder": "sentence_encoder",
        "decoder": "sentence_decoder",
        "sentence": "sentence_space",
        "document": "document_space",
    }
    values = {names.get(name, name): value for name, value in asdict(config).items()}
    return HierarchicalVAEConfig(**values, vocab_size=vocab_size, max_length=max_length)
