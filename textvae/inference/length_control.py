"""Length control in the search: words are counted as they are written, with limits of every row's own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from textvae.data.unpaired.slots import SlotVocabulary
from textvae.inference.search import NEVER, Step
from textvae.modules.decoders import DecoderState
from textvae.text import count_words as count_spaced
from textvae.text import first_bytes, normalise
from textvae.tokenization.config import SPECIAL, UNK
from textvae.tokenization.pretrained import WORD_START

FIRST_BYTES = first_bytes()


def count_words(text: str, subword: bool) -> int:
    """Words of a prepared string, as the limits count them.

    A word tokenizer's words are its tokens, punctuation included. With pieces of words it is what stands between
    spaces, and every character of a script without spaces. The mark of undecodable bytes is no word.
    """
    return count_spaced(text.replace("\ufffd", "")) if subword else len(text.split())


@dataclass(frozen=True)
class WordTable:
    """What each token adds to the number of words.

    cost: (2, V') int16 words that a token begins, where the text before it ends outside (row 0) or inside (row 1) of
    a word. inside: (2, V') bool whether the text after it ends inside of one.
    """

    cost: Tensor
    inside: Tensor
    dearest: int
    """The most words in one token."""

    @classmethod
    def of(cls, vocabulary: SlotVocabulary) -> WordTable:
        """Counts never less than `count_words` of the decoded text, and the same but for undecodable bytes."""
        control = [SPECIAL.pad, SPECIAL.bos, SPECIAL.eos, SPECIAL.mask]
        cost = torch.ones(2, vocabulary.size, dtype=torch.int16)
        inside = torch.zeros(2, vocabulary.size, dtype=torch.bool)
        if vocabulary.subword:
            rows = [_token(token) for token in vocabulary.tokens]
            cost[:, : vocabulary.words] = torch.tensor([row[:2] for row in rows], dtype=torch.int16).T
            inside[:, : vocabulary.words] = torch.tensor([row[2:] for row in rows], dtype=torch.bool).T
        cost[:, control] = 0
        inside[:, control] = torch.tensor([[False], [True]])
        return cls(cost, inside, int(cost.max()))

    def to(self, device: torch.device) -> WordTable:
        """The same table on a device."""
        return replace(self, cost=self.cost.to(device), inside=self.inside.to(device))


def _token(token: str) -> tuple[int, int, bool, bool]:
    """Cost outside and inside of a word, and whether the text ends inside of one, after outside and after inside."""
    text = f" {UNK}" if token == UNK else token.replace(WORD_START, " ")
    if token.startswith("<0x") and token.endswith(">"):
        byte = int(token[3:-1], 16)
        if 0x80 <= byte < 0xC0:  # continues a character
            return 0, 0, False, True
        wide = byte in FIRST_BYTES  # its character may be a word by itself, as this one is
        text = normalise(chr(byte)) or " " if byte < 0x80 else "\u4e00" if wide else "x"
    alone = count_words(text, subword=True)
    within = count_words(f"x{text}", subword=True) - 1
    ends = count_words(f"{text}x", subword=True) == alone
    return alone, within, ends, ends or not text


@dataclass(frozen=True)
class Limits:
    """Of each row (N,): fewest and most words, most tokens, slots that stand for a word of its document.

    unknown: (N,) bool whether `<unk>` may be written.
    """

    least: Tensor
    most: Tensor
    tokens: Tensor
    slots: Tensor
    unknown: Tensor


@dataclass(frozen=True)
class CountedState(DecoderState):
    """A decoder's state and, per row (N,): words and tokens so far, whether inside of a word, and its `Limits`."""

    inner: DecoderState
    words: Tensor
    written: Tensor
    inside: Tensor
    least: Tensor
    most: Tensor
    tokens: Tensor
    slots: Tensor
    unknown: Tensor

    def select(self, rows: Tensor) -> CountedState:
        kept = super().select(rows)
        assert isinstance(kept, CountedState)
        return replace(kept, inner=self.inner.select(rows))


class LengthControl:
    """Wraps a step of decoding: forbids `</s>` before the least words, words after the most, slots without a
    word, `<unk>`.

    What is allowed keeps the model's own log-probability, so scores stay those of the model. A row that runs out of
    tokens may end whatever it has. Everything is decided from the state, so it is the same in every batch.
    """

    def __init__(self, step: Step, table: WordTable, words: int):
        self.inner, self.table, self.words = step, table, words

    def start(self, state: DecoderState, limits: Limits) -> CountedState:
        """The state before `<s>`, which is no word."""
        none = torch.zeros_like(limits.most)
        inside = torch.zeros_like(none, dtype=torch.bool)
        return CountedState(state, none, none - 1, inside, **vars(limits))

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """As `Step`: log-probabilities (N, V') with -inf for what may not come next."""
        assert isinstance(state, CountedState)
        log_probs, inner = self.inner(tokens, state.inner)
        row = state.inside.long()
        state = replace(
            state,
            inner=inner,
            words=state.words + self.table.cost[row, tokens],
            inside=self.table.inside[row, tokens],
            written=state.written + 1,
        )
        return self.limit(log_probs, state), state

    def limit(self, log_probs: Tensor, state: CountedState) -> Tensor:
        """Edit log-probabilities (N, V') in place. Every row keeps a token: the end, or any word."""
        foreign = torch.arange(log_probs.shape[1] - self.words, device=log_probs.device) >= state.slots[:, None]
        log_probs[:, self.words :].masked_fill_(foreign, NEVER)
        log_probs[:, SPECIAL.unk].masked_fill_(~state.unknown, NEVER)
        ends = log_probs[:, SPECIAL.eos].clone()
        out, room = state.written >= state.tokens, state.most - state.words
        tight = ((room < self.table.dearest) & ~out).nonzero()[:, 0]
        if len(tight):
            dear = self.table.cost[state.inside[tight].long()] > room[tight, None]
            log_probs[tight] = log_probs[tight].masked_fill(dear, NEVER)
        log_probs[out] = NEVER
        log_probs[:, SPECIAL.eos] = torch.where((state.words < state.least) & ~out, NEVER, ends)
        return log_probs
