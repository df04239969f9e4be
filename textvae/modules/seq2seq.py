"""A pointer-generator network: reads a text, writes another. Both the generator and the reconstructor are one."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.modules.attentive_decoders import build_attentive_decoder
from textvae.modules.config import DecoderConfig, EncoderConfig, Seq2SeqConfig
from textvae.modules.decoders import DecoderState
from textvae.modules.encoders import build_encoder
from textvae.modules.noise import NoiseKey, standard_normal
from textvae.modules.output import cross_entropy
from textvae.modules.pointer import Pointer, coverage_penalty, is_simplex, mixture_log_probs, mixture_nll
from textvae.tokenization.config import SPECIAL

MOST_WORDS_LEFT = 31
"""The countdown tells 0 … 30 words left apart, and 31 or more."""

NO_COUNTDOWN = MOST_WORDS_LEFT + 1
"""Row of the countdown table for a length that nobody asked for."""

ANY_LENGTH = 1 << 30
"""Stands among lengths for one that the network chooses itself; counted down by a word at a time it stays one."""

WORD_DROPOUT_STREAM = 64
"""Number of the noise stream that word dropout draws from."""


@dataclass(frozen=True)
class Memory:
    """A source that was read.

    states: (B, M, D). summary: (B, D). source: (B, M) ids or (B, M, V) points on the simplex. mask: (B, M) bool.
    """

    states: Tensor
    summary: Tensor
    source: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return self.mask.shape[0]

    def select(self, rows: Tensor) -> Memory:
        """Keep `rows` (N,) in that order; a row may come several times (samples of one document)."""
        return Memory(*(getattr(self, f.name).index_select(0, rows) for f in fields(self)))


@dataclass(frozen=True)
class Written:
    """What `write` computes for L positions, before the vocabulary: `nll` and `log_probs` go on from here.

    hidden: (B, L, E) what the output layer reads. attention: (B, L, M) at least fp32, 0 at padding, sums to 1.
    gate: (B, L, 1) logit of p_gen, None where nothing is copied. source: ids (B, M) or points on the simplex (B, M, V).
    mask: (B, M).
    """

    hidden: Tensor
    attention: Tensor
    gate: Tensor | None
    source: Tensor
    mask: Tensor

    @property
    def p_gen(self) -> Tensor:
        """(B, L, 1) probability of writing from the vocabulary; 1 where nothing is copied."""
        return torch.ones_like(self.attention[:, :, :1]) if self.gate is None else torch.sigmoid(self.gate)

    @property
    def coverage_penalty(self) -> Tensor:
        """(B, L) Σ_m min(a_lm, Σ_{l' < l} a_l'm), in [0, 1] (See et al. 2017, eq. 12)."""
        return coverage_penalty(self.attention)


@dataclass(frozen=True)
class Seq2SeqState(DecoderState):
    """A decoding under way, row by row.

    decoder: state of the network. keys: (N, M, D) and memory (N, M, D_mem): what attention reads. source, mask: as in
    `Memory`. remaining: (N,) words left before the next step, None without a countdown.
    """

    decoder: DecoderState
    keys: Tensor
    memory: Tensor
    source: Tensor
    mask: Tensor
    remaining: Tensor | None

    def select(self, rows: Tensor) -> Seq2SeqState:
        kept = super().select(rows)
        assert isinstance(kept, Seq2SeqState)
        return replace(kept, decoder=self.decoder.select(rows))


class Seq2Seq(nn.Module):
    """Encoder, attentive decoder, pointer; one table of word vectors for the input of both and for the output.

    Reads ids or points on the simplex, so that gradients can pass through a text. vocab_size V counts the slots of
    unknown words too. Sharing the table (Press & Wolf 2017) halves the parameters, and a word that was only ever read
    can be written. Padding may only stand at the end, and every source has at least one word.
    """

    def __init__(self, config: Seq2SeqConfig, vocab_size: int):
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        self.embedding = nn.Embedding(vocab_size, config.embedding_size)
        self.countdown = nn.Embedding(NO_COUNTDOWN + 1, config.embedding_size)
        self.dropout = nn.Dropout(config.dropout)
        shape: dict[str, Any] = {n: getattr(config, n) for n in ("kind", "size", "layers", "heads", "dropout")}
        self.encoder = build_encoder(EncoderConfig(**shape, bidirectional=config.bidirectional), config.embedding_size)
        self.decoder = build_attentive_decoder(DecoderConfig(**shape), config.embedding_size, self.encoder.output_size)
        self.pointer = Pointer(
            config.size, config.embedding_size, self.encoder.output_size, config.embedding_size, config.copy
        )
        self.output_bias = nn.Parameter(torch.zeros(vocab_size))
        # Small vectors suit the output layer; on the way in they are scaled to unit variance (Vaswani et al. 2017, sec.
        # 3.4), without which a recurrent network takes twice as many steps to find out what attention is for.
        self.scale = 1.0 if self.decoder.scales_words else math.sqrt(config.embedding_size)
        for table in (self.embedding, self.countdown):
            nn.init.normal_(table.weight, std=config.embedding_size**-0.5)

    # ------------------------------------------------------------------------------------------ reading
    def embed(self, words: Tensor) -> Tensor:
        """Word vectors (..., E) of ids (...) or, as expectations, of points on the simplex (..., V)."""
        if is_simplex(words):
            return self.scale * (words.to(self.embedding.weight.dtype) @ self.embedding.weight)
        return self.scale * self.embedding(words)

    def read(self, source: Tensor, mask: Tensor) -> Memory:
        """Source ids (B, M) or points on the simplex (B, M, V), floating-point, and mask (B, M)."""
        mask = mask.bool()
        encoded = self.encoder(self.dropout(self.embed(source)), mask)
        return Memory(encoded.states, encoded.summary, source, mask)

    # ------------------------------------------------------------------------------------------ writing
    def write(
        self,
        memory: Memory,
        decoder_input_ids: Tensor,
        lengths: Tensor | None = None,
        key: NoiseKey | None = None,
    ) -> Written:
        """All positions at once, given the words before each: `<s>`, words … as ids (B, L) or on the simplex (B, L, V).

        lengths: (B,) words the text will have, or ANY_LENGTH, for the countdown (Kikuchi et al. 2016, sec. 3.4). key:
        where word dropout draws from in training; without one, from torch's generator.
        """
        embedded = self.drop_words(self.embed(decoder_input_ids), key)
        embedded = self.dropout(embedded + self.scale * self.countdown(self.words_left(lengths, embedded)))
        states = self.decoder(embedded, memory.states, memory.mask, memory.summary)
        pointed = self.pointer(states, embedded, self.pointer.key(memory.states), memory.states, memory.mask)
        return Written(pointed.hidden, pointed.attention, pointed.gate, memory.source, memory.mask)

    def words_left(self, lengths: Tensor | None, embedded: Tensor) -> Tensor:
        """(B, L) rows of the countdown table: at position l there are lengths − l words to write."""
        rows, positions = embedded.shape[0], torch.arange(embedded.shape[1], device=embedded.device)
        if lengths is None:
            return torch.full((rows, len(positions)), NO_COUNTDOWN, device=embedded.device)
        left = lengths[:, None] - positions
        return left.clamp(0, MOST_WORDS_LEFT).where(left < ANY_LENGTH // 2, NO_COUNTDOWN)

    def drop_words(self, embedded: Tensor, key: NoiseKey | None) -> Tensor:
        """Put `<mask>` for some words (B, L, E), never for the first, `<s>`."""
        rate = self.config.word_dropout
        if not self.training or not rate:
            return embedded
        noise = standard_normal(embedded.new_empty(embedded.shape[:2]), key, WORD_DROPOUT_STREAM)
        dropped = noise < torch.special.ndtri(noise.new_tensor(rate))
        dropped[:, 0] = False
        blank = self.embed(torch.full_like(dropped[:1, 0], SPECIAL.mask, dtype=torch.long))
        return torch.where(dropped[:, :, None], blank.to(embedded.dtype), embedded)

    # ------------------------------------------------------------------------------------------ words
    def logits(self, hidden: Tensor) -> Tensor:
        """(..., E) → (..., V): w_y · hidden + b_y."""
        return F.linear(hidden, self.embedding.weight, self.output_bias)

    def nll(self, written: Written, labels: Tensor) -> Tensor:
        """−log p of labels (B, L): (B, L) nats, at least fp32, 0 at −100. The output layer never sees padding.

        p(y) = p_gen softmax(y) + (1 − p_gen) Σ_{m: source_m = y} a_m (See et al. 2017, eq. 9).
        """
        rows, columns = (labels >= 0).nonzero(as_tuple=True)
        targets = labels[rows, columns]
        nll = cross_entropy(self.logits(written.hidden[rows, columns]), targets)
        if written.gate is not None:
            source = written.source[rows, :, targets] if is_simplex(written.source) else written.source[rows]
            nll = mixture_nll(nll, written.gate[rows, columns], written.attention[rows, columns], source, targets)
        return nll.new_zeros(labels.shape).index_put((rows, columns), nll)

    def log_probs(self, written: Written) -> Tensor:
        """log p of every word: (B, L, V), at least fp32."""
        logits = self.logits(written.hidden)
        log_probs = (logits if logits.dtype == torch.float64 else logits.float()).log_softmax(-1)
        if written.gate is None:
            return log_probs
        return mixture_log_probs(log_probs, written.gate, written.attention, written.source)

    def forward(
        self,
        source: Tensor,
        mask: Tensor,
        decoder_input_ids: Tensor,
        labels: Tensor,
        lengths: Tensor | None = None,
        key: NoiseKey | None = None,
    ) -> tuple[Tensor, Written]:
        """Read, write and score: token nll (B, L) and what was written. The way in for data-parallel wrappers."""
        written = self.write(self.read(source, mask), decoder_input_ids, lengths, key)
        return self.nll(written, labels), written

    # ------------------------------------------------------------------------------------------ word by word
    def start(self, memory: Memory, remaining: Tensor | None = None) -> Seq2SeqState:
        """State before `<s>`; remaining: (B,) words to write, or ANY_LENGTH, for the countdown."""
        decoder = self.decoder.start(memory.states, memory.mask, memory.summary)
        keys = self.pointer.key(memory.states)
        return Seq2SeqState(decoder, keys, memory.states, memory.source, memory.mask, remaining)

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, Seq2SeqState]:
        """Tokens (N,), or points on the simplex (N, V), to log p of the next word (N, V) and the next state."""
        assert isinstance(state, Seq2SeqState)
        embedded = self.embed(tokens)
        left = self.words_left(state.remaining, embedded[:, None])[:, 0]
        embedded = self.dropout(embedded + self.scale * self.countdown(left))
        hidden, decoder = self.decoder.step(embedded, state.decoder)
        pointed = self.pointer(hidden[:, None], embedded[:, None], state.keys, state.memory, state.mask)
        written = Written(pointed.hidden, pointed.attention, pointed.gate, state.source, state.mask)
        remaining = None if state.remaining is None else state.remaining - 1
        return self.log_probs(written)[:, 0], replace(state, decoder=decoder, remaining=remaining)
