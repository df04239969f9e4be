"""Which tokens are content, and where each of them stands in the bag of words that z_c must predict."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textvae.errors import UserError
from textvae.files import write_json
from textvae.tokenization.config import SPECIAL_TOKENS
from textvae.tokenization.pretrained import WORD_START, is_subword, token_strings
from textvae.tokenization.style_words import StyleWords

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, eq=False)
class BagOfWords:
    """The content words of a vocabulary: t_c of John et al. (2019, section 3.3) counts over these.

    Left out: special tokens, stop words, style words, punctuation and the bytes of rare characters. Numbers
    and their masks (`_num_`, `##`) are content. With bpe or unigram each piece is looked at by itself: a
    piece that is a stop or style word as a whole word (with the mark of a word's start) is left out, all
    other pieces are content, also those a longer stop or style word begins or ends with.
    """

    content_ids: np.ndarray
    """(V,) int64: row of each token in the bag, -1 for a token that is not content."""
    words: tuple[str, ...]
    """The W content words (or pieces) in the order of their rows."""
    stop_words: frozenset[str] = field(default_factory=frozenset)
    style_words: StyleWords = field(default_factory=lambda: StyleWords(()))

    @property
    def size(self) -> int:
        """W, the number of content words."""
        return len(self.words)

    @classmethod
    def build(
        cls, tokenizer: PreTrainedTokenizerFast, stop_words: Iterable[str], style_words: StyleWords
    ) -> BagOfWords:
        """Rows follow the order of token ids: the bag of a word vocabulary begins with its frequent words."""
        stop_words = frozenset(stop_words)
        excluded = stop_words | style_words.words
        start = WORD_START if is_subword(tokenizer) else ""
        tokens = token_strings(tokenizer)
        ids = [i for i, token in enumerate(tokens) if _is_content(token, start, excluded)]
        if not ids:
            raise UserError(
                "no content word is left once stop words and style words are taken out of the vocabulary; "
                "raise style_words.min_z or min_log_odds, or check the lexicon and the stop words"
            )
        return cls(_rows(ids, len(tokens)), tuple(tokens[i] for i in ids), stop_words, style_words)

    def style_token_ids(self, tokenizer: PreTrainedTokenizerFast) -> list[int]:
        """Ids of the tokens that are style words; with bpe or unigram, of those that are one as a whole word."""
        start = WORD_START if is_subword(tokenizer) else ""
        words = {start + word for word in self.style_words.words}
        return [i for i, token in enumerate(token_strings(tokenizer)) if token in words]

    def to_json(self, path: str | Path) -> None:
        """Write everything to one file, atomically."""
        value = {
            "vocab_size": len(self.content_ids),
            "token_ids": np.flatnonzero(self.content_ids >= 0).tolist(),
            "words": list(self.words),
            "stop_words": sorted(self.stop_words),
            "style_words": self.style_words.to_dict(),
        }
        write_json(path, value)

    @classmethod
    def from_json(cls, path: str | Path, vocab_size: int | None = None) -> BagOfWords:
        """Read what `to_json` wrote; UserError where it is damaged or for a vocabulary of another size."""
        try:
            value: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
            ids, words = value["token_ids"], tuple(value["words"])
            content_ids = _rows(ids, value["vocab_size"])
            style_words = StyleWords.from_dict(value["style_words"])
            stop_words = frozenset(value["stop_words"])
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); is this the folder of a run?") from error
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise UserError(f"{path}: not a bag of words ({error!r}); restore it or train again") from error
        if len(ids) != len(words) or ids != sorted(set(ids)):
            raise UserError(f"{path}: token_ids and words do not fit; restore it or train again")
        if vocab_size is not None and vocab_size != len(content_ids):
            raise UserError(
                f"{path}: made for {len(content_ids)} tokens, but the tokenizer has {vocab_size}; "
                f"the two files must come from the same run"
            )
        return cls(content_ids, words, stop_words, style_words)


def _rows(ids: list[int], vocab_size: int) -> np.ndarray:
    rows = np.full(vocab_size, -1, dtype=np.int64)
    rows[ids] = np.arange(len(ids))
    return rows


def _is_content(token: str, start: str, excluded: frozenset[str]) -> bool:
    """Whether a token is content; `start` is the mark of a word's beginning, "" where tokens are words."""
    if token in SPECIAL_TOKENS or start and token.startswith("<0x"):
        return False
    if token.startswith(start) and token[len(start) :].lower() in excluded:
        return False
    text = token.replace(start, "") if start else token
    return any(char.isalnum() for char in text) or len(text) > 1 and not text.strip("#")
