"""Configuration of the style-content autoencoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from textvae.data.attributes import Attributes
from textvae.errors import UserError
from textvae.models.saved import SavedConfig, known
from textvae.modules.config import AdversaryKind, BlanksConfig, DecoderConfig, EncoderConfig, LatentConfig, MemoryConfig


@dataclass
class ModelConfig:
    """The networks, as a user writes them down."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Network that reads the sentence."""
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    """Network that writes it."""
    style: LatentConfig = field(default_factory=lambda: LatentConfig(size=8, prior="class_conditional"))
    """Style space z_s."""
    content: LatentConfig = field(default_factory=LatentConfig)
    """Content space z_c."""
    embedding_size: int = 300
    """Width of a word vector, shared by encoder and decoder. A pretrained part brings its own."""
    embedding_dropout: float = 0.0
    """Dropout on word vectors."""
    hide_style_words: bool = False
    """Let z_c be read from the sentence with its style words blanked out (they are found in the training data), so that
    only z_s can tell the decoder which to write. Costs a second encoder pass."""
    style_word_kinds: int = 0
    """Let z_c know of each hidden word of which kind it is (an adverb, what is said of food ...): so many clusters by
    the words around it, before those that only one label knows are joined with others. 0: all look alike."""
    blanks: BlanksConfig = field(default_factory=BlanksConfig)
    """What stands in the place of hidden words."""
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    """What the decoder may look back at in the sentence that z_c is read from, beside the vectors."""
    output: Literal["full", "adaptive"] = "full"
    """Softmax over the vocabulary: exact, or adaptive with clusters of rare words (word tokenizer only)."""
    adversary: AdversaryKind = "linear"
    """Style adversary: linear (the paper's) and mlp are trained, discriminant is solved anew at every step."""
    adversary_hidden: int = 128
    """Hidden units of the mlp adversary."""
    decoder_embedding_size: int | None = None
    """Width of the word vectors of a pretrained decoder beside another pretrained encoder. Found by the training."""

    def __post_init__(self) -> None:
        if self.style_word_kinds < 0:
            raise UserError(f"model.style_word_kinds is {self.style_word_kinds}; it may not be negative")
        if self.decoder.nearness and self.memory.kind != "full":
            raise UserError(f"decoder.nearness counts words, but memory.kind is {self.memory.kind}: set it to full")


class StyleContentVAEConfig(SavedConfig):
    """All that rebuilds the networks of a saved model: `config.json` beside the weights.

    Sub-configurations are dictionaries of `EncoderConfig`, `DecoderConfig` and `LatentConfig`; unknown keys are refused
    (transformers would keep them silently).
    """

    model_type = "textvae_style_content"
    is_encoder_decoder: bool = True

    sentence_encoder: dict[str, Any] | None = None
    sentence_decoder: dict[str, Any] | None = None
    style_space: dict[str, Any] | None = None
    content_space: dict[str, Any] | None = None
    embedding_size: int = 300
    decoder_embedding_size: int | None = None
    embedding_dropout: float = 0.0
    hide_style_words: bool = False
    style_word_kinds: int = 0
    blanks: dict[str, Any] | None = None
    memory: dict[str, Any] | None = None
    output: str = "full"
    bag_size: int = 1000
    labels: list[str] | None = None
    attributes: dict[str, list[str]] | None = None
    """Labels of each attribute where there are several; `labels` then has a name for each label of all of them."""
    decoder_start_token_id: int = 1
    max_length: int = 30
    transfer_rerank: bool = False
    """Whether transfer reranks unless told otherwise; for models that are handed on with their scorers."""
    transfer_strength: float = 1.0
    """How far transfer goes unless told otherwise; training chooses it on dev (`selection.strengths`)."""

    def parts(self) -> tuple[EncoderConfig, DecoderConfig, LatentConfig, LatentConfig]:
        """The four sub-configurations, checked."""
        return (
            known(EncoderConfig, self.sentence_encoder or {}, "encoder"),
            known(DecoderConfig, self.sentence_decoder or {}, "decoder"),
            known(LatentConfig, self.style_space or {"size": 8}, "style"),
            known(LatentConfig, self.content_space or {}, "content"),
        )

    def attribute_part(self) -> Attributes:
        """What a style is made of."""
        return Attributes.of(self.attributes or self.labels or [])

    def blanks_part(self) -> BlanksConfig:
        """What stands in the place of hidden words, checked."""
        found: BlanksConfig = known(BlanksConfig, self.blanks or {}, "blanks")
        return found

    def memory_part(self) -> MemoryConfig:
        """What the decoder may look back at, checked."""
        found: MemoryConfig = known(MemoryConfig, self.memory or {}, "memory")
        return found


def pretrained_config(
    config: ModelConfig,
    vocab_size: int,
    bag_size: int,
    labels: Attributes | Mapping[str, Sequence[str]] | Sequence[str],
    max_length: int,
) -> StyleContentVAEConfig:
    """Join what the user wrote with what the data decided; labels: of the one attribute, or by attribute."""
    attributes = Attributes.of(labels)
    several = {name: list(names) for name, names in attributes.by_name().items()} if len(attributes) > 1 else None
    return StyleContentVAEConfig(
        sentence_encoder=asdict(config.encoder),
        sentence_decoder=asdict(config.decoder),
        style_space=asdict(config.style),
        content_space=asdict(config.content),
        embedding_size=config.embedding_size,
        decoder_embedding_size=config.decoder_embedding_size,
        embedding_dropout=config.embedding_dropout,
        hide_style_words=config.hide_style_words,
        style_word_kinds=config.style_word_kinds,
        blanks=asdict(config.blanks),
        memory=asdict(config.memory),
        output=config.output,
        vocab_size=vocab_size,
        bag_size=bag_size,
        labels=list(attributes.label_names),
        attributes=several,
        max_length=max_length,
    )
