"""Configuration of the grammar whose trees are latent."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from textvae.extras.trees.grammar import GrammarConfig
from textvae.models.saved import SavedConfig, known
from textvae.modules.encoders import EncoderConfig
from textvae.modules.latents import LatentConfig


@dataclass
class TreeModelConfig:
    """The networks, as a user writes them down."""

    kind: Literal["compound", "neural"] = "compound"
    """compound: the rules' probabilities depend on a vector z of the sentence. neural: one grammar for all sentences,
    whose likelihood is exact; encoder and latent are not made."""
    grammar: GrammarConfig = field(default_factory=GrammarConfig)
    """Symbols, and the networks that give the rules their probabilities."""
    encoder: EncoderConfig = field(default_factory=lambda: EncoderConfig(kind="lstm", size=256))
    """Network that reads the sentence for q(z | x)."""
    latent: LatentConfig = field(default_factory=lambda: LatentConfig(size=64))
    """The vector z of a sentence."""
    embedding_size: int = 256
    """Width of a word vector of the encoder."""


class CompoundPCFGConfig(SavedConfig):
    """All that rebuilds the networks of a saved grammar: `config.json` beside the weights. Unknown keys are refused."""

    model_type = "textvae_tree"

    kind: str = "compound"
    grammar: dict[str, Any] | None = None
    sentence_encoder: dict[str, Any] | None = None
    latent_space: dict[str, Any] | None = None
    embedding_size: int = 256
    labels: list[str] | None = None
    max_length: int = 42

    def parts(self) -> tuple[GrammarConfig, EncoderConfig, LatentConfig]:
        """The three sub-configurations, checked."""
        return (
            known(GrammarConfig, self.grammar or {}, "grammar"),
            known(EncoderConfig, self.sentence_encoder or {}, "encoder"),
            known(LatentConfig, self.latent_space or {}, "latent"),
        )


def saved_tree_config(
    config: TreeModelConfig, vocab_size: int, labels: tuple[str, ...], max_length: int
) -> CompoundPCFGConfig:
    """Join what the user wrote with what the data decided."""
    networks = {"encoder": "sentence_encoder", "latent": "latent_space"}
    values = {networks.get(name, name): value for name, value in asdict(config).items()}
    return CompoundPCFGConfig(**values, vocab_size=vocab_size, labels=list(labels), max_length=max_length)
