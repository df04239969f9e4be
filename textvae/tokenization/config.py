"""What a tokenizer is trained to be, and the five tokens every one of them begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textvae.errors import UserError

PAD, BOS, EOS, UNK, MASK = SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
PAD_ID, BOS_ID, EOS_ID, UNK_ID, MASK_ID = range(len(SPECIAL_TOKENS))
NUM_BYTES = 256


@dataclass(frozen=True)
class SpecialIds:
    """Ids of the tokens that are not words, the same in every tokenizer of this project."""

    pad: int = PAD_ID
    bos: int = BOS_ID
    eos: int = EOS_ID
    unk: int = UNK_ID
    mask: int = MASK_ID


SPECIAL = SpecialIds()


@dataclass
class TokenizerConfig:
    """Kind and size of the vocabulary."""

    kind: Literal["word", "bpe", "unigram", "pretrained"] = "word"
    """word: one token a word, rare words are <unk>; bpe, unigram: pieces of words that spell every text; pretrained:
    the vocabulary of a pretrained model."""
    vocab_size: int = 10000
    """Greatest number of tokens, the five special ones (and the 256 bytes of bpe and unigram) included;
    pretrained: not used."""
    min_frequency: int = 3
    """word: words seen less often are <unk>; bpe: pairs seen less often are not merged; unigram and pretrained:
    not used."""
    pretrained: str | None = None
    """pretrained only: name or folder of the model. Default: that of the pretrained encoder, else decoder."""

    def __post_init__(self) -> None:
        if self.kind not in ("word", "bpe", "unigram", "pretrained"):
            raise UserError(f"tokenizer.kind is {self.kind!r}; it must be word, bpe, unigram or pretrained")
        if self.pretrained is not None and self.kind != "pretrained":
            raise UserError(f"tokenizer.pretrained is {self.pretrained!r}, but tokenizer.kind is {self.kind}")
        fixed = len(SPECIAL_TOKENS) + (NUM_BYTES if self.kind in ("bpe", "unigram") else 0)
        if self.vocab_size <= fixed:
            raise UserError(
                f"tokenizer.vocab_size is {self.vocab_size}, but a {self.kind} tokenizer has {fixed} fixed "
                f"tokens before the first word; raise it"
            )
        if self.min_frequency < 1:
            raise UserError(f"tokenizer.min_frequency is {self.min_frequency}; it must be at least 1")
