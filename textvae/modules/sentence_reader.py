"""What a small network makes of a sentence: its style, how likely each word is, what is wrong, who wrote it.

One bidirectional GRU reads `<s> w_1 ... w_n </s>`. A word's likelihood is that of a cloze model: from the state before
it and the state after it, unnormalised, learnt by noise contrastive estimation (Gutmann & Hyvärinen 2010; of both sides
at once: Clark et al. 2020, "Pre-training transformers as energy-based cloze models"), so that no softmax over the
vocabulary is ever computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from textvae.errors import UserError

PAD, UNK, BEGIN, END = range(4)
"""Ids below those of the words."""


@dataclass(frozen=True)
class SentenceReaderConfig:
    """Size of the network: about 2 MB in 16 bits with 12,000 words."""

    embedding_size: int = 64
    """Width E of a word."""
    size: int = 128
    """Width H of a state in each direction."""
    dropout: float = 0.2
    """Dropout of embeddings and states."""

    def __post_init__(self) -> None:
        if min(self.embedding_size, self.size) < 1 or not 0 <= self.dropout < 1:
            raise UserError("a sentence reader's sizes are at least 1, its dropout is in [0, 1)")


class Reading(NamedTuple):
    """What was read of B sentences of at most L words. Values at padding mean nothing."""

    style: Tensor
    """(B, K) logits of the labels."""
    machine: Tensor
    """(B,) logit of: written by a machine."""
    wrong: Tensor
    """(B, L) logits of: this word does not belong here, or one before it is missing."""
    context: Tensor
    """(B, L, E) what the words around each word predict; `SentenceReader.likelihood` compares it with words."""


class SentenceReader(nn.Module):
    """`Reading`s of ids (B, L + 2), framed by BEGIN and END and padded with PAD."""

    def __init__(self, config: SentenceReaderConfig, vocab_size: int, labels: int):
        super().__init__()
        self.config = config
        width, size = config.embedding_size, config.size
        self.embedding = nn.Embedding(vocab_size, width, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.onward = nn.GRU(width, size, batch_first=True)
        self.backward_ = nn.GRU(width, size, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.context = nn.Linear(2 * size, width)
        self.bias = nn.Parameter(torch.full((vocab_size,), -9.0))
        self.wrong = nn.Sequential(nn.Linear(2 * size, 64), nn.ReLU(), nn.Linear(64, 1))
        self.style = nn.Linear(2 * size, labels)
        self.machine = nn.Linear(2 * size, 1)

    def forward(self, ids: Tensor) -> Reading:
        lengths = (ids != PAD).sum(1, keepdim=True)
        turned = (lengths - 1 - torch.arange(ids.shape[1], device=ids.device)).clamp(min=0)
        embedded = self.dropout(self.embedding(ids))
        onward = self.onward(embedded)[0]
        back = self.backward_(embedded.gather(1, turned[..., None].expand_as(embedded)))[0]
        back = back.gather(1, turned[..., None].expand_as(back))
        states = self.dropout(torch.cat((onward, back), dim=-1))
        around = self.dropout(torch.cat((onward[:, :-2], back[:, 2:]), dim=-1))
        pooled = states.masked_fill((ids == PAD)[..., None], -1.0).amax(1)
        return Reading(
            self.style(pooled),
            self.machine(pooled)[:, 0],
            self.wrong(states[:, 1:-1])[..., 0],
            self.context(around),
        )

    def likelihood(self, context: Tensor, words: Tensor) -> Tensor:
        """log p of words (B, L) in their contexts (B, L, E), (B, L) nats, not exactly normalised."""
        return (context * self.embedding(words)).sum(-1) + self.bias[words]

    def contrast(self, context: Tensor, words: Tensor, noise: Tensor, log_noise: Tensor) -> Tensor:
        """Noise contrastive loss, (N,): words (N,) in contexts (N, E) against noise words (M,) shared by all.

        log_noise: (V,) log of the distribution that the noise was drawn from.
        """
        count = torch.log(torch.tensor(float(len(noise))))
        real = self.likelihood(context, words) - log_noise[words] - count
        drawn = context @ self.embedding(noise).T + (self.bias - log_noise)[noise] - count
        return nn.functional.softplus(-real) + nn.functional.softplus(drawn).sum(-1)
