"""Any causal language model, or the decoder half of an encoder-decoder of transformers, as a decoder of latents.

The memory becomes rows of the network's own width: `prefix` of them from [z_s; z_c], one from each further row of the
memory. A causal model reads them as words before the first (Li & Liang 2021, "Prefix-Tuning"; OPTIMUS, Li et al. 2020,
compares ways in); an encoder-decoder attends to them as it would to its encoder's states.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer

from textvae.modules.decoders.base import Decoder, DecoderConfig, DecoderState
from textvae.modules.memory import present
from textvae.modules.transformers_parts import PretrainedPart, attention_mask, build_body, network_config

Pairs = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values (B, heads, T, D_head) of every layer."""


@dataclass(frozen=True)
class CachedState(DecoderState):
    """words: what the layers keep of all words read so far; mask: (B, R + T) or (B, R) which rows and words are there.

    rows: (B, R, D) what an encoder-decoder attends to, and rows_seen what its layers keep of it once a word was read.
    """

    words: Pairs
    mask: Tensor
    rows: Tensor | None = None
    rows_seen: Pairs = ()

    def select(self, rows: Tensor) -> CachedState:
        kept = super().select(rows)
        assert isinstance(kept, CachedState)
        words, rows_seen = (tuple((k[rows], v[rows]) for k, v in pairs) for pairs in (self.words, self.rows_seen))
        return replace(kept, words=words, rows_seen=rows_seen)


def as_cache(pairs: Pairs) -> DynamicCache:
    """A new cache over the same tensors: it grows by concatenation, so the state it came from stays what it was."""
    cache = DynamicCache()
    for keys, values in pairs:
        layer = DynamicLayer()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        cache.layers.append(layer)
    return cache


def as_pairs(cache: DynamicCache) -> Pairs:
    """What a cache holds."""
    layers: Any = cache.layers
    return tuple((layer.keys, layer.values) for layer in layers)


class PretrainedDecoder(PretrainedPart, Decoder):
    """A pretrained body under projections of the memory, which are new and always learn."""

    def __init__(self, config: DecoderConfig, embedding_size: int, memory_size: int, attends: bool = False):
        super().__init__(config, embedding_size, memory_size, attends)
        network = network_config(config.network, "decoder")
        self.attends_across: bool = network.is_encoder_decoder
        self.output_size: int = network.hidden_size
        self.width = self.output_size if self.attends_across else embedding_size
        self.prefix = nn.Linear(memory_size, config.prefix * self.width)
        self.rows = nn.Linear(memory_size, self.width, bias=False) if attends else None
        self.hold(build_body(network, "decoder"), config.tuning, config.adapter_rank)
        self.takes_positions = "position_ids" in inspect.signature(self.body.forward).parameters

    def translate(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Memory (B, M, D_mem) to rows (B, R, D) and which of them are there (B, R)."""
        first = self.prefix(memory[:, 0]).unflatten(1, (-1, self.width))
        there = torch.ones(first.shape[:2], dtype=torch.bool, device=memory.device)
        if self.rows is None or memory.shape[1] == 1:
            return first, there
        others = memory[:, 1:]
        return torch.cat((first, self.rows(others)), dim=1), torch.cat((there, present(others)), dim=1)

    def read(self, embedded: Tensor, mask: Tensor, cache: DynamicCache | None) -> Tensor:
        """A causal body over words (B, L, E), the last L of mask (B, T)."""
        options = {}
        if self.takes_positions:
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            options["position_ids"] = positions[:, -embedded.shape[1] :]
        return self.body(
            inputs_embeds=embedded,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
            **options,
        ).last_hidden_state

    def attend(self, embedded: Tensor, rows: Tensor, mask: Tensor, cache: EncoderDecoderCache | None) -> Tensor:
        """The decoder of an encoder-decoder over words (B, L, E)."""
        return self.body(
            inputs_embeds=embedded,
            encoder_hidden_states=rows,
            encoder_attention_mask=mask.long(),
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state

    def forward(self, memory: Tensor, embedded: Tensor) -> Tensor:
        rows, there = self.translate(memory)
        rows = rows.to(embedded.dtype)
        if self.attends_across:
            return self.dropout(self.attend(embedded, rows, there, None))
        words = embedded.shape[1]
        states = self.read(torch.cat((rows, embedded), dim=1), attention_mask(there, words), None)
        return self.dropout(states[:, -words:])

    def start(self, memory: Tensor, embedding: nn.Embedding) -> CachedState:
        rows, there = self.translate(memory)
        if self.attends_across:
            return CachedState((), there, rows)
        cache = DynamicCache()
        self.read(rows, attention_mask(there, 0), cache)
        return CachedState(as_pairs(cache), there)

    def step(self, tokens: Tensor, state: DecoderState, embedding: nn.Embedding) -> tuple[Tensor, CachedState]:
        assert isinstance(state, CachedState)
        embedded, words = embedding(tokens)[:, None], as_cache(state.words)
        if state.rows is None:
            mask = torch.cat((state.mask, torch.ones_like(state.mask[:, :1])), dim=1)
            hidden = self.read(embedded, mask.long(), words)
            return self.dropout(hidden[:, 0]), replace(state, words=as_pairs(words), mask=mask)
        cache = EncoderDecoderCache(words, as_cache(state.rows_seen))
        hidden = self.attend(embedded, state.rows, state.mask, cache)
        seen = as_pairs(cache.cross_attention_cache)
        return self.dropout(hidden[:, 0]), replace(state, words=as_pairs(words), rows_seen=seen)
