"""Sentences from memories: one loop for greedy search and sampling, `search.py` for beams.

The score of a sentence is log p(y | memory) = sum_t log p(y_t | y_<t, memory), `</s>` included, of the model
as it is: neither temperature, truncation nor forbidden tokens change it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textvae.inference.config import DecodingConfig
from textvae.inference.search import Constraints, Pick, beam_search, roll_out, top
from textvae.modules.decoders import Decoder, DecoderState
from textvae.modules.output import Bound, OutputLayer
from textvae.tokenization.config import SpecialIds

NUCLEUS_GUESS = 512
"""Tokens searched for the nucleus before all are sorted: 7 against 38 ms at N = 128, V = 9,200."""

_MULTIPLIERS = (-4658895280553007687, -7723592293110705685)  # splitmix64's, as signed 64-bit integers


def _mix(x: Tensor) -> Tensor:
    """One round of splitmix64's finaliser (Steele et al. 2014) on int64, whose overflow wraps."""
    for shift, multiplier in zip((30, 27), _MULTIPLIERS, strict=True):
        x = (x ^ ((x >> shift) & ((1 << (64 - shift)) - 1))) * multiplier
    return x ^ ((x >> 31) & ((1 << 33) - 1))


def row_keys(seed: int, *parts: Tensor) -> Tensor:
    """One int64 key per row from a seed and any number of integer columns (N,): sentence, piece, sample..."""
    key = _mix(torch.full_like(parts[0], (0x1E3779B97F4A7C15 ^ seed) & ((1 << 63) - 1)))
    for part in parts:
        key = _mix(key * 31 + part)
    return key


def uniform(keys: Tensor, step: int) -> Tensor:
    """u in [0, 1), one per row, a function of the row's key and the position: (N,) int64 to (N,) float32.

    So a sentence gets the same sample alone, in a batch, after others have finished, and on any number of
    processes.
    """
    return ((_mix(keys + (step + 1) * 0x9E3779B9) >> 40) & 0x7FFFFF).float() / (1 << 23)


def nucleus(probs: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """Probabilities (N, k) falling, those outside the nucleus set to 0, and their tokens (N, k)."""
    kept, tokens = probs.topk(min(NUCLEUS_GUESS, probs.shape[1]))
    if kept.shape[1] < probs.shape[1] and bool((kept.sum(1) < top_p * probs.sum(1)).any()):
        kept, tokens = probs.sort(1, descending=True)
    before = kept.cumsum(1) - kept
    return kept.where(before < top_p * probs.sum(1, keepdim=True), 0.0), tokens


def draw(log_probs: Tensor, u: Tensor, config: DecodingConfig) -> Tensor:
    """Tokens (N,) from log-probabilities (N, V) and uniforms (N,), by inverting the distribution function."""
    tokens = None
    if config.top_k:
        log_probs, tokens = log_probs.topk(min(config.top_k, log_probs.shape[1]))
    probs = (log_probs / config.temperature).softmax(1)
    if config.top_p < 1:
        probs, inner = nucleus(probs, config.top_p)
        tokens = inner if tokens is None else tokens.gather(1, inner)
    mass = probs.cumsum(1)
    # u <= 1 - 2**-23, so u * mass < mass even after rounding: a token of probability 0 is never drawn
    place = torch.searchsorted(mass, u[:, None].to(mass.dtype) * mass[:, -1:], right=True).clamp(max=probs.shape[1] - 1)
    return (place if tokens is None else tokens.gather(1, place))[:, 0]


@dataclass(frozen=True)
class Decoded:
    """C candidates for each of B memories, best first.

    tokens (B, C, T): ends in `</s>`, then padding. scores (B, C): log p(y | memory) in nats, -inf where a
    beam found fewer than C, nan where none were asked for. lengths (B, C): tokens with `</s>`, 0 where there is no
    candidate.
    """

    tokens: Tensor
    scores: Tensor
    lengths: Tensor


@torch.inference_mode()
def decode(
    decoder: Decoder,
    output: OutputLayer,
    embedding: nn.Embedding,
    memory: Tensor,
    config: DecodingConfig,
    ids: SpecialIds | None = None,
    keys: Tensor | None = None,
    scored: bool = True,
) -> Decoded:
    """Write `config.num_candidates` sentences for each row of `memory` (B, M, D), the modules in eval mode.

    keys: (B,) int64, the number of each sentence for `sample`; its place in the batch if not given.
    scored: whether greedy search must know log p(y | memory); without it the softmax, a fifth of the time, is left
    out, and the words are the same. Wrap the call in `torch.autocast` for bf16.
    """
    ids = ids or SpecialIds()
    constraints = Constraints(config, ids, memory.device)

    samples = config.num_candidates if config.strategy == "sample" else 1
    size, state = len(memory) * samples, decoder.start(memory, embedding)
    if samples > 1:  # a memory is read once, however many sentences are drawn from it
        state = state.select(torch.arange(len(memory), device=memory.device).repeat_interleave(samples))
    ranked = config.strategy == "greedy" and not scored
    likelihoods = output.logits if ranked else output.log_probs

    def step(tokens: Tensor, state: DecoderState, bound: Bound | None = None) -> tuple[Tensor, DecoderState]:
        hidden, state = decoder.step(tokens, state, embedding)
        return likelihoods(hidden) if bound is None else output.log_probs(hidden, bound), state

    if config.strategy == "beam":
        return Decoded(*beam_search(step, state, size, config, constraints, ids, bounded=True))
    if config.strategy == "sample":
        sentences = torch.arange(size // samples, device=memory.device) if keys is None else keys.to(memory.device)
        pick = sampler(sentences, config)
    else:
        pick = likeliest
    tokens, scores, lengths = roll_out(step, state, size, pick, config, constraints, ids)
    found = tokens, torch.full_like(scores, torch.nan) if ranked else scores, lengths
    return best_first(Decoded(*(x.unflatten(0, (-1, samples)) for x in found)), config.length_penalty)


def likeliest(log_probs: Tensor, rows: Tensor, position: int) -> Tensor:
    """Greedy choice."""
    return top(log_probs, 1)[1][:, 0]


def sampler(sentences: Tensor, config: DecodingConfig) -> Pick:
    """A choice at random, `config.num_candidates` times for each number in `sentences` (B,)."""
    samples = torch.arange(config.num_candidates, device=sentences.device).repeat(len(sentences))
    keys = row_keys(config.seed, sentences.repeat_interleave(config.num_candidates), samples)
    return lambda log_probs, rows, position: draw(log_probs, uniform(keys[rows], position), config)


def best_first(decoded: Decoded, length_penalty: float) -> Decoded:
    """Candidates sorted by score / length ** penalty."""
    if decoded.scores.shape[1] == 1:
        return decoded
    ranks = decoded.scores / decoded.lengths.clamp(min=1) ** length_penalty
    order = ranks.argsort(dim=1, descending=True, stable=True)
    tokens = decoded.tokens.gather(1, order[:, :, None].expand_as(decoded.tokens))
    return Decoded(tokens, decoded.scores.gather(1, order), decoded.lengths.gather(1, order))
