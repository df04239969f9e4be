"""Networks of the transformers library without their word vectors, from a configuration that is plain data.

A part is described by a dictionary: `network`, the transformers configuration of the whole pretrained model, and what
else its reader found out (`textvae.models.pretrained`). It is stored in config.json, so that a saved model is rebuilt
without the folder it came from; only classes of the installed transformers are built, never code of a checkpoint.
The word vectors belong to the model that holds the part, and are handed over as `inputs_embeds`.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, DynamicCache, EncoderDecoderCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer
from transformers.pytorch_utils import Conv1D

from textvae.errors import UserError
from textvae.modules.config import DecoderConfig, EncoderConfig
from textvae.modules.decoders import Decoder, DecoderState
from textvae.modules.encoders import Encoded, Encoder
from textvae.modules.memory import present

ADAPTER_NAMES = ("down", "up")


class _LowRank(nn.Module):
    """down (rank, in) small and random, up (out, rank) zero: an adapter begins as no change at all."""

    down: nn.Parameter
    up: nn.Parameter

    def add(self, inputs: int, outputs: int, rank: int, like: Tensor) -> None:
        """Make both factors where and in the precision in which `like` is."""
        self.down = nn.Parameter(torch.empty(rank, inputs, dtype=like.dtype, device=like.device))
        self.up = nn.Parameter(torch.zeros(outputs, rank, dtype=like.dtype, device=like.device))
        nn.init.normal_(self.down, std=inputs**-0.5)

    def change(self, x: Tensor) -> Tensor:
        """U D x."""
        return nn.functional.linear(nn.functional.linear(x, self.down), self.up)


class AdaptedLinear(_LowRank, nn.Linear):
    """A linear layer and its adapter."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.Linear.forward(self, x) + self.change(x)


class AdaptedConv1D(_LowRank, Conv1D):
    """GPT-2's transposed linear layer and its adapter."""

    def forward(self, x: Tensor) -> Tensor:
        return Conv1D.forward(self, x) + self.change(x)


ADAPTED: dict[type[nn.Module], type[_LowRank]] = {nn.Linear: AdaptedLinear, Conv1D: AdaptedConv1D}


def add_adapters(network: nn.Module, rank: int) -> None:
    """Give every linear layer of a network an adapter of `rank`, 2 · rank · width parameters a layer."""
    for module in list(network.modules()):
        adapted = ADAPTED.get(type(module))
        if adapted is not None:
            weight: Any = module.weight
            inputs, outputs = weight.T.shape if type(module) is nn.Linear else weight.shape
            module.__class__ = adapted  # the same object under the same name, its weights untouched
            module.add(int(inputs), int(outputs), rank, weight)  # type: ignore[operator]


Half = Literal["encoder", "decoder"]
Tuning = Literal["frozen", "full", "adapters"]


def network_config(part: dict[str, Any] | None, owner: str) -> PreTrainedConfig:
    """The transformers configuration of a part; UserError where it is missing or of no class that transformers has."""
    if not part or "network" not in part:
        raise UserError(f"{owner}.kind is pretrained, but its network is not described; name it in {owner}.pretrained")
    values = {name: value for name, value in part["network"].items() if name not in ("dtype", "torch_dtype")}
    try:
        return AutoConfig.for_model(values.pop("model_type"), **values)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{owner}: this version of transformers cannot build its network: {error}") from error


def half_of(network: Any, half: Half) -> Any:
    """The encoder or decoder of an encoder-decoder; a network that is one half is returned as it is."""
    if not network.config.is_encoder_decoder:
        return network
    return network.get_encoder() if half == "encoder" else network.get_decoder()


def build_body(config: PreTrainedConfig, half: Half) -> Any:
    """One half of a network with initial weights and without word vectors, in training mode."""
    # torch's fused attention takes 90 ms a layer for 64 short sentences in bf16 on a CPU, the plain products 5
    plain = {} if torch.cuda.is_available() else {"attn_implementation": "eager"}
    body = half_of(AutoModel.from_config(config, **plain), half)
    body.set_input_embeddings(nn.Identity())
    if getattr(body, "pooler", None) is not None:  # BERT's, which reads one state for a task we do not have
        body.pooler = None
    return body.train()


class PretrainedPart(nn.Module):
    """A body with its share of training. frozen: no weight of it moves, and its dropout is off; adapters: only they do.

    A frozen body still lets gradients through to what it reads.
    """

    body: Any

    def hold(self, body: nn.Module, tuning: Tuning, rank: int) -> None:
        """Take a body and decide which of its weights move."""
        if tuning != "full":
            body.requires_grad_(False)
        if tuning == "adapters":
            add_adapters(body, rank)
        self.body, self.tuning = body, tuning
        self.train(self.training)

    def train(self, mode: bool = True) -> PretrainedPart:
        super().train(mode)
        if self.tuning == "frozen":
            self.body.eval()
        return self


def attention_mask(present: Tensor, words: int) -> Tensor:
    """(B, R + words) int64: rows (B, R) that are there, then words, which all are."""
    ones = present.new_ones(len(present), words)
    return torch.cat((present, ones), dim=1).long()


class PretrainedEncoder(PretrainedPart, Encoder):
    """Summary = mean of the top states over the sentence.

    Where the network was trained on sentences that begin with a token of their own (BERT's [CLS]), `first` is its
    vector and stands before the words; its state is left out. input_size: width of the network's word vectors.
    """

    def __init__(self, config: EncoderConfig, input_size: int):
        super().__init__(config, input_size)
        part = config.network
        network = network_config(part, "encoder")
        self.hold(build_body(network, "encoder"), config.tuning, config.adapter_rank)
        self.output_size: int = network.hidden_size
        self.first: nn.Parameter | None = None
        if part and part.get("begins"):
            self.first = nn.Parameter(torch.zeros(input_size), requires_grad=config.tuning == "full")

    def forward(self, embedded: Tensor, mask: Tensor) -> Encoded:
        keep, rows = mask.bool(), len(embedded)
        before = 0
        if self.first is not None:
            embedded = torch.cat((self.first.to(embedded.dtype).expand(rows, 1, -1), embedded), dim=1)
            before = 1
        seen = torch.cat((keep.new_ones(rows, before), keep), dim=1)
        states = self.body(inputs_embeds=embedded, attention_mask=attention_mask(seen, 0)).last_hidden_state
        states = states[:, before:] * keep[..., None].to(states.dtype)
        return Encoded(states, states.sum(1) / keep.sum(1, keepdim=True).clamp(min=1).to(states.dtype))


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
        self.rows: nn.Module | None = nn.Linear(memory_size, self.width, bias=False) if attends else None
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
            inputs_embeds=embedded.to(self.dtype),
            attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
            **options,
        ).last_hidden_state

    @property
    def dtype(self) -> torch.dtype:
        """Of the body's own weights; those that do not learn may have 16 bits."""
        return next(self.body.parameters()).dtype

    def attend(self, embedded: Tensor, rows: Tensor, mask: Tensor, cache: EncoderDecoderCache | None) -> Tensor:
        """The decoder of an encoder-decoder over words (B, L, E)."""
        return self.body(
            inputs_embeds=embedded.to(self.dtype),
            encoder_hidden_states=rows.to(self.dtype),
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
