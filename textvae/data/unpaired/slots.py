"""A vocabulary with places for words it does not hold.

The i-th distinct unknown word of an example has the id V + i, 0 <= i < S: an anonymised word, which can be copied and
is translated back to the word of that very example. A pointer network over a *static* vocabulary of V + S ids then
writes words it has never seen (compare the per-document extended vocabulary of See et al. 2017, sec. 2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from textvae.errors import UserError
from textvae.text import is_spaceless
from textvae.tokenization.config import SPECIAL, SPECIAL_TOKENS, UNK
from textvae.tokenization.pretrained import WORD_START, is_subword, token_ids, token_strings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class SlotSentence(NamedTuple):
    """ids: below V words of the vocabulary, V + i for `words[i]`. words: the example's unknown words, each once."""

    ids: list[int]
    words: tuple[str, ...]


class SlotVocabulary:
    """A tokenizer of V tokens and S slots; `size` = V + S.

    Only word tokenizers have unknown words; with pieces (bpe, unigram) no slot is ever used, and S = 0 saves its
    embeddings. A literal `<unk>` in the text, and words beyond the S-th unknown one, are the token `<unk>`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, slots: int) -> None:
        if slots < 0:
            raise UserError(f"slots is {slots}: it must be 0 or more")
        self.tokenizer = tokenizer
        self.slots = slots
        self.words = len(tokenizer)  # V
        self.subword = is_subword(tokenizer)

    @property
    def size(self) -> int:
        """V + S."""
        return self.words + self.slots

    @cached_property
    def tokens(self) -> list[str]:
        """The V tokens by id."""
        return token_strings(self.tokenizer)

    @cached_property
    def _ids(self) -> dict[str, int]:
        # a literal "</s>" is a word nobody knows, not the end of the text
        return {token: i for i, token in enumerate(self.tokens) if token not in SPECIAL_TOKENS or token == UNK}

    @cached_property
    def word_starts(self) -> np.ndarray:
        """(V + S,) bool: text may be cut before this token without cutting a word.

        True for every word; of pieces, for those that begin a word or stand outside of the alphabets that write spaces.
        """
        starts = np.ones(self.size, dtype=bool)
        if self.subword:
            starts[: self.words] = [token.startswith(WORD_START) or is_spaceless(token) for token in self.tokens]
        return starts

    @cached_property
    def closing(self) -> np.ndarray:
        """(V + S,) bool: tokens that end a sentence."""
        closing = np.zeros(self.size, dtype=bool)
        closing[: self.words] = [token.lstrip(WORD_START) in (".", "!", "?", "。", "！", "？") for token in self.tokens]
        return closing

    @cached_property
    def pausing(self) -> np.ndarray:
        """(V + S,) bool: commas and what else parts clauses."""
        pausing = np.zeros(self.size, dtype=bool)
        marks = (",", ";", ":", "--", "，", "、", "；", "：")
        pausing[: self.words] = [token.lstrip(WORD_START) in marks for token in self.tokens]
        return pausing

    def encode(self, texts: Sequence[str], words: Sequence[Sequence[str]] | None = None) -> list[SlotSentence]:
        """Prepared strings to ids, slots in the order of first appearance.

        `words[i]`, where given, are the unknown words that text i shares with what was encoded before (its document):
        they keep their slots, new ones follow.
        """
        if self.subword:
            return [SlotSentence(ids, ()) for ids in token_ids(self.tokenizer, list(texts))]
        known = words if words is not None else [()] * len(texts)
        return [self._encode(text, table) for text, table in zip(texts, known, strict=True)]

    def _encode(self, text: str, known: Sequence[str]) -> SlotSentence:
        table = {word: i for i, word in enumerate(known)}
        ids = []
        for word in text.split():
            found = self._ids.get(word)
            if found is None:
                slot = table.get(word)
                if slot is None and len(table) < self.slots:
                    slot = table[word] = len(table)
                found = SPECIAL.unk if slot is None else self.words + slot
            ids.append(found)
        return SlotSentence(ids, tuple(table))

    def decode(self, ids: Sequence[int], words: Sequence[str] = ()) -> str:
        """Ids up to `</s>` to a prepared string; slots become `words`, a slot without a word `<unk>`.

        `<pad>`, `<s>` and `<mask>` fall away.
        """
        kept = []
        for i in map(int, ids):
            if i == SPECIAL.eos:
                break
            if i not in (SPECIAL.pad, SPECIAL.bos, SPECIAL.mask):
                kept.append(i)
        if self.subword:
            plain = [i if i < self.words else SPECIAL.unk for i in kept]
            return str(self.tokenizer.decode(plain, skip_special_tokens=True))
        return " ".join(self._word(i, words) for i in kept)

    def _word(self, token: int, words: Sequence[str]) -> str:
        if token < self.words:
            return self.tokens[token]
        slot = token - self.words
        return words[slot] if slot < len(words) else UNK

    def renumber(self, ids: np.ndarray, permutation: np.ndarray) -> np.ndarray:
        """`ids` of any shape with slot i replaced by slot permutation[i] (S,); other ids stay."""
        table = np.concatenate((np.arange(self.words), self.words + np.asarray(permutation)))
        renumbered: np.ndarray = table[ids]
        return renumbered


def assign_slots(ids: np.ndarray, words: int, slots: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Hashed ids (B, L) to ids below V + S: each row's distinct unknown words take its slots.

    With a generator every row numbers them by its own permutation, so that no slot means a place; without one by first
    appearance. A row's unknown words beyond the S-th are `<unk>`.
    """
    result = ids.copy()
    order = rng.random((len(ids), slots)).argsort(axis=1) if rng is not None else None
    rows, columns = np.nonzero(ids >= words)
    if not len(rows):
        return result
    rank = _ranks(rows, columns, ids[rows, columns])
    known = rank < slots
    slot = rank[known] if order is None else order[rows[known], rank[known]]
    result[rows, columns] = SPECIAL.unk
    result[rows[known], columns[known]] = words + slot
    return result


def _ranks(rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(N,): the how-many-th distinct value of its row each of N cells holds, by first appearance, from 0."""
    by_value = np.lexsort((columns, values, rows))
    new = np.ones(len(rows), dtype=bool)
    r, v = rows[by_value], values[by_value]
    new[1:] = (r[1:] != r[:-1]) | (v[1:] != v[:-1])
    group = new.cumsum() - 1  # of cells sorted by value
    first_rows, first_columns = r[new], columns[by_value][new]
    by_place = np.lexsort((first_columns, first_rows))
    ordered = first_rows[by_place]
    begins = np.searchsorted(ordered, ordered)  # first group of the same row
    rank_of_group = np.empty(len(ordered), dtype=np.int64)
    rank_of_group[by_place] = np.arange(len(ordered)) - begins
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[by_value] = rank_of_group[group]
    return ranks
