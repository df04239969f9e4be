"""Tokenizers, the bag of content words, and the words that carry the style."""

from __future__ import annotations

from textvae.tokenization.config import (
    BOS_ID,
    EOS_ID,
    MASK_ID,
    PAD_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    TokenizerConfig,
)
from textvae.tokenization.pretrained import is_subword, load_tokenizer, loses_spaces, token_ids
from textvae.tokenization.training import train_tokenizer

__all__ = [
    "BOS_ID",
    "EOS_ID",
    "MASK_ID",
    "PAD_ID",
    "SPECIAL_TOKENS",
    "UNK_ID",
    "TokenizerConfig",
    "is_subword",
    "load_tokenizer",
    "loses_spaces",
    "token_ids",
    "train_tokenizer",
]
