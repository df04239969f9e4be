"""Configuration of the summarizer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from textvae.errors import UserError
from textvae.models.saved import SavedConfig, known
from textvae.modules.config import Seq2SeqConfig
from textvae.tokenization.config import SPECIAL_TOKENS


def _small() -> Seq2SeqConfig:
    return Seq2SeqConfig(size=128, embedding_size=128, word_dropout=0.5)


@dataclass
class Seq2Seq2SeqModelConfig:
    """The networks, as a user writes them down."""

    generator: Seq2SeqConfig = field(default_factory=Seq2SeqConfig)
    """Document → summary."""
    reconstructor: Seq2SeqConfig = field(default_factory=_small)
    """Summary → document. Small and with word vectors of its own, so that a code between the two is hard to invent."""
    slots: int = 20
    """Unknown words of one document that can be copied, each by an id of its own (word tokenizer only)."""

    def __post_init__(self) -> None:
        if self.slots < 0:
            raise UserError(f"model.slots is {self.slots}; it must be 0 or more")


class Seq2Seq2SeqConfig(SavedConfig):
    """All that rebuilds the networks of a saved model: `config.json` beside the weights.

    generator, reconstructor: dictionaries of `Seq2SeqConfig`; unknown keys are refused. vocab_size counts the slots,
    which are its last `slots` ids. decoding: how summaries are written where nobody says otherwise, options of
    `SummaryOptions`. max_source and max_target: longest document and summary in tokens.
    """

    model_type = "textvae_seq2seq2seq"
    is_encoder_decoder: bool = True

    generator: dict[str, Any] | None = None
    reconstructor: dict[str, Any] | None = None
    vocab_size: int = 10020
    slots: int = 20
    decoding: dict[str, Any] | None = None
    max_source: int = 60
    max_target: int = 20
    decoder_start_token_id: int = 1

    def parts(self) -> tuple[Seq2SeqConfig, Seq2SeqConfig]:
        """Generator and reconstructor, checked."""
        return (
            known(Seq2SeqConfig, self.generator or {}, "generator"),
            known(Seq2SeqConfig, self.reconstructor or {}, "reconstructor"),
        )


def pretrained_config(
    config: Seq2Seq2SeqModelConfig,
    vocab_size: int,
    max_source: int,
    max_target: int,
    slots: int | None = None,
    decoding: dict[str, Any] | None = None,
) -> Seq2Seq2SeqConfig:
    """Join what the user wrote with what the data decided.

    vocab_size: V' with the slots. slots: None for `config.slots`; 0 where the tokenizer knows every word.
    """
    slots = config.slots if slots is None else slots
    if not 0 <= slots <= vocab_size - len(SPECIAL_TOKENS):
        raise UserError(f"model.slots is {slots}; a vocabulary of {vocab_size} ids has no room for that many")
    return Seq2Seq2SeqConfig(
        generator=asdict(config.generator),
        reconstructor=asdict(config.reconstructor),
        vocab_size=vocab_size,
        slots=slots,
        decoding=decoding,
        max_source=max_source,
        max_target=max_target,
    )
