"""The probabilities of a grammar's rules from vectors of its symbols, and from a vector of the sentence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textvae.extras.trees.config import GrammarConfig
from textvae.extras.trees.inside import Rules
from textvae.modules.latents.base import at_least_fp32

LEAST = -60.0
"""Smallest log-probability of a rule. It keeps every cell of the inside algorithm above fp32's e⁻⁸⁷, however sure a
grammar becomes, and adds less to a distribution (10⁻²² for 90 symbols) than rounding does."""


class Residual(nn.Module):
    """x + relu(W₂ relu(W₁ x))."""

    def __init__(self, size: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def scorer(inputs: int, size: int, outputs: int) -> nn.Module:
    """f of Kim et al. 2019, app. A.1: a layer, two residual ones, and the scores."""
    return nn.Sequential(nn.Linear(inputs, size), Residual(size), Residual(size), nn.Linear(size, outputs))


class GrammarNetwork(nn.Module):
    """p(S → A) ∝ exp(f₁([w_S; z])), p(A → B C) ∝ exp(U [w_A; z]), p(T → w) ∝ exp(f₂([w_T; z]))  (Kim et al. 2019,
    sec. 2.2 and 2.3).

    z: (B, Z), or None with latent_size 0: one grammar for all sentences. silent: tokens that no symbol writes.
    One thing differs from the paper: a sentence may also be a single preterminal, so that one word has a probability.
    """

    def __init__(self, config: GrammarConfig, vocab_size: int, latent_size: int, silent: Sequence[int] = ()):
        super().__init__()
        self.config = config
        symbols, inputs = config.nonterminals + config.preterminals, config.size + latent_size
        self.start = nn.Parameter(torch.empty(1, config.size))
        self.branching = nn.Parameter(torch.empty(config.nonterminals, config.size))
        self.writing = nn.Parameter(torch.empty(config.preterminals, config.size))
        self.root = scorer(inputs, config.size, symbols)
        self.binary = nn.Linear(inputs, symbols * symbols)
        self.words = scorer(inputs, config.size, vocab_size)
        self.silent = list(silent)
        self.reset()

    def reset(self) -> None:
        """Initial values of what is no layer."""
        for vectors in (self.start, self.branching, self.writing):
            nn.init.xavier_uniform_(vectors)

    def log_probs(self, network: nn.Module, vectors: Tensor, z: Tensor | None) -> Tensor:
        """log-softmax of the scores of symbols (S, D) and sentences (B, Z): (B or 1, S, outcomes)."""
        inputs = vectors[None]
        if z is not None:
            both = (z[:, None].expand(-1, len(vectors), -1), inputs.expand(len(z), -1, -1))
            inputs = torch.cat((both[1], both[0].to(vectors.dtype)), -1)
        scores = at_least_fp32(network(inputs))
        if network is self.words and self.silent:
            scores = scores.index_fill(2, torch.tensor(self.silent, device=scores.device), -torch.inf)
        return scores.log_softmax(-1)

    def forward(self, ids: Tensor, lengths: Tensor, z: Tensor | None = None) -> Rules:
        """The grammar of sentences ids (B, L), of which the first `lengths` (B,) words count."""
        symbols = self.config.nonterminals + self.config.preterminals
        root = self.log_probs(self.root, self.start, z)[:, 0].clamp(min=LEAST).exp()
        binary = self.log_probs(self.binary, self.branching, z).clamp(min=LEAST).exp().unflatten(2, (symbols, symbols))
        words = self.log_probs(self.words, self.writing, z)  # (B or 1, T, V)
        padding = torch.arange(ids.shape[1], device=ids.device) >= lengths[:, None]
        spoken = ids.masked_fill(padding, self.first_word(words.shape[2]))
        if z is None:  # a row for each word, not a table for each sentence
            found = words[0].t()[spoken]
        else:
            found = words.gather(2, spoken[:, None].expand(-1, words.shape[1], -1)).transpose(1, 2)
        return Rules(root, binary, found.masked_fill(padding[..., None], 0.0))

    def first_word(self, vocab_size: int) -> int:
        """Some word that can be written, so that padding never reads −∞."""
        return next(i for i in range(vocab_size) if i not in self.silent)
