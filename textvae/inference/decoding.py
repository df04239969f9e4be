"""Sentences from memories: one loop for greedy search and sampling, `search.py` for beams.

The score of a sentence is log p(y | memory) = sum_t log p(y_t | y_<t, memory), `</s>` included, of the model
as it is: neither temperature, truncation nor forbidden tokens change it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textvae.inference.config import DecodingConfig
from textvae.inference.constraints import Constraints
from textvae.inference.sampling import draw, row_keys, uniform
from textvae.inference.search import Pick, beam_search, roll_out, top
from textvae.modules.decoders.base import Decoder, DecoderState
from textvae.modules.output import Bound, OutputLayer
from textvae.tokenization.config import SpecialIds

__all__ = ["Decoded", "DecodingConfig", "SpecialIds", "decode"]


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
    memory = memory.repeat_interleave(samples, dim=0) if samples > 1 else memory
    size, state = memory.shape[0], decoder.start(memory, embedding)
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
