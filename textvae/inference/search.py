"""The two loops over positions: one token per row (greedy, sampling) and beams.

Both work on whole batches. The Python in a loop runs once per position, never once per row, and finished
sentences leave the batch, so a step costs what the unfinished ones cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from textvae.inference.config import DecodingConfig
from textvae.modules.decoders import DecoderState
from textvae.tokenization.config import SpecialIds

NEVER = float("-inf")


class Constraints:
    """Sets the log-probability of forbidden tokens to -inf. Allowed ones keep the model's own value."""

    def __init__(self, config: DecodingConfig, ids: SpecialIds, device: torch.device):
        self.config, self.eos = config, ids.eos
        forbidden = [ids.pad, ids.bos, ids.mask] + ([] if config.allow_unk else [ids.unk])
        self.forbidden = torch.tensor(forbidden, device=device)

    @property
    def needs_history(self) -> bool:
        """Whether `history` is read at all."""
        return self.config.no_repeat_ngram > 0

    def __call__(self, log_probs: Tensor, step: int, history: Tensor | None) -> Tensor:
        """Edit and return (N, V) for position `step`, the rows having written `history` (N, step) so far."""
        if step == self.config.max_length:  # the end is all that is left
            ends = log_probs[:, self.eos].clone()
            log_probs.fill_(NEVER)
            log_probs[:, self.eos] = ends
            return log_probs
        log_probs.index_fill_(1, self.forbidden, NEVER)
        ends = log_probs[:, self.eos].clone()
        if step < self.config.min_length:
            log_probs[:, self.eos] = NEVER
        if history is not None and step >= self.config.no_repeat_ngram > 0:
            log_probs.scatter_(1, repeating(history, self.config.no_repeat_ngram, self.forbidden[0]), NEVER)
            dead = log_probs.amax(1) == NEVER  # every word would repeat: better short than ungrammatical
            log_probs[:, self.eos] = torch.where(dead, ends, log_probs[:, self.eos])
        return log_probs


def repeating(history: Tensor, n: int, filler: Tensor) -> Tensor:
    """Tokens (N, t - n + 1) that would complete an n-gram of `history` (N, t); `filler` where none would."""
    windows = history.unfold(1, n, 1)  # (N, t - n + 1, n)
    prefix = history[:, history.shape[1] - n + 1 :]  # the last n - 1 tokens
    seen = (windows[:, :, : n - 1] == prefix[:, None, :]).all(-1)
    return torch.where(seen, windows[:, :, n - 1], filler)


Step = Callable[..., tuple[Tensor, DecoderState]]
"""Tokens (N,) and a state to log-probabilities (N, V) of the next token and the next state; in a `bounded` search also
what words must reach to matter (`modules.output.Bound`)."""

Pick = Callable[[Tensor, Tensor, int], Tensor]
"""Log-probabilities (N, V), the rows' places in the full batch (N,) and the position to tokens (N,)."""

Found = tuple[Tensor, Tensor, Tensor]
"""tokens (..., T), scores (...) and lengths (...)."""

COMPACT_AT = 0.9
"""Finished rows leave once at most this share is unfinished: gathering the state costs a tenth of a step."""

SLACK = 1e-3
"""Nats by which a word may miss what it must reach: more than sums of log-probabilities are rounded by."""

GROUP = 96
"""Tokens per group in `top`; about sqrt(V), where both of its stages cost the same."""


def roll_out(
    step: Step,
    state: DecoderState,
    size: int,
    pick: Pick,
    config: DecodingConfig,
    constraints: Constraints,
    ids: SpecialIds,
) -> Found:
    """One token per row and position until all wrote `</s>`: tokens (B, T), scores and lengths (B,)."""
    device = constraints.forbidden.device
    rows = torch.arange(size, device=device)
    tokens = torch.full((size, config.max_length + 1), ids.pad, device=device)
    scores = torch.zeros(size, device=device)
    current, open_ = (
        torch.full((size,), ids.bos, device=device),
        torch.ones(size, dtype=torch.bool, device=device),
    )
    for position in range(config.max_length + 1 if size else 0):
        log_probs, state = step(current, state)
        scores = scores.to(log_probs.dtype)
        history = tokens[rows, :position] if constraints.needs_history else None
        current = pick(constraints(log_probs, position, history), rows, position)
        gained = log_probs.gather(1, current[:, None])[:, 0]
        current = torch.where(open_, current, ids.pad)
        tokens[rows, position] = current
        scores[rows] += torch.where(open_, gained, 0.0)
        open_ = open_ & (current != ids.eos)
        left = int(open_.sum())
        if not left:
            break
        if left <= COMPACT_AT * len(rows):
            keep = open_.nonzero()[:, 0]
            rows, current, open_, state = rows[keep], current[keep], open_[keep], state.select(keep)
    lengths = (tokens != ids.pad).sum(1)
    return tokens[:, : int(lengths.max()) if size else 0], scores, lengths


def top(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`values.topk(k)` along dimension 1 of (N, V), twice as fast on a CPU for V near 10,000.

    The k largest lie in the k groups with the largest maxima, and maxima are cheap: k groups are searched.
    """
    values = values.float() if values.dtype == torch.bfloat16 else values  # its maxima cost 5 times fp32's on a CPU
    width = values.shape[1]
    groups = width // GROUP
    if groups <= 2 * k:
        return tuple(values.topk(min(k, width)))  # type: ignore[return-value]
    grouped = values[:, : groups * GROUP].unflatten(1, (groups, GROUP))
    chosen = grouped.amax(2).topk(k).indices
    inside = grouped.gather(1, chosen[:, :, None].expand(-1, -1, GROUP)).flatten(1)
    best, place = torch.cat((inside, values[:, groups * GROUP :]), dim=1).topk(k)
    tail = place >= k * GROUP
    group = chosen.gather(1, (place // GROUP).clamp(max=k - 1))
    index = torch.where(tail, place - k * GROUP + groups * GROUP, group * GROUP + place % GROUP)
    return best, index


@dataclass
class Pool:
    """The best finished sentences of each row so far: tokens (B, K, T), scores, ranks and lengths (B, K)."""

    tokens: Tensor
    scores: Tensor
    ranks: Tensor
    lengths: Tensor

    @classmethod
    def empty(cls, size: int, beam: int, length: int, like: Tensor, pad: int) -> Pool:
        """Nothing finished yet: every rank is -inf."""
        tokens = torch.full((size, beam, length), pad, device=like.device)
        scores = torch.full((size, beam), NEVER, device=like.device, dtype=like.dtype)
        return cls(tokens, scores, scores.clone(), torch.zeros_like(tokens[:, :, 0]))

    def add(self, rows: Tensor, prefixes: Tensor, scores: Tensor, eos: int, penalty: float) -> None:
        """Offer prefixes (R, W, t) that now end, with `scores` (R, W) or -inf; each row keeps its K best."""
        length = prefixes.shape[2] + 1
        new_tokens = self.tokens.new_zeros(*prefixes.shape[:2], self.tokens.shape[2])
        new_tokens[:, :, : length - 1] = prefixes
        new_tokens[:, :, length - 1] = eos
        ranks = torch.cat((self.ranks[rows], scores / length**penalty), dim=1)
        best, place = ranks.topk(self.ranks.shape[1], dim=1)
        self.ranks[rows] = best
        self.scores[rows] = torch.cat((self.scores[rows], scores), dim=1).gather(1, place)
        lengths = torch.cat((self.lengths[rows], torch.full_like(new_tokens[:, :, 0], length)), dim=1)
        self.lengths[rows] = lengths.gather(1, place)
        tokens = torch.cat((self.tokens[rows], new_tokens), dim=1)
        self.tokens[rows] = tokens.gather(1, place[:, :, None].expand(-1, -1, tokens.shape[2]))

    def full(self, rows: Tensor) -> Tensor:
        """(R,) whether a row has K finished sentences."""
        return (self.ranks[rows] > NEVER).all(1)

    def best(self, count: int, pad: int) -> Found:
        """The `count` best of each row; places that were never filled are padding of length 0."""
        missing = self.ranks[:, :count] == NEVER
        lengths = self.lengths[:, :count].masked_fill(missing, 0)
        tokens = self.tokens[:, :count].masked_fill(missing[:, :, None], pad)
        beyond = torch.arange(tokens.shape[2], device=tokens.device) >= lengths[:, :, None]
        longest = int(lengths.max()) if lengths.numel() else 0
        return tokens.masked_fill(beyond, pad)[:, :, :longest], self.scores[:, :count], lengths


@dataclass(frozen=True)
class Extended:
    """One step of all beams.

    ends (R, W): score of each prefix if it stops here, -inf where that is not among the row's K best
    continuations. scores, parents, words (R, K): the K best that go on, the prefix they extend, their word.
    """

    ends: Tensor
    scores: Tensor
    parents: Tensor
    words: Tensor


def extend(live: Tensor, log_probs: Tensor, beam: int, eos: int) -> Extended:
    """The K best continuations of each row: prefixes scored `live` (R, W), log-probabilities (R * W, V).

    K words per prefix are enough: no more than K of the row's K best can come from one prefix.
    """
    rows, width = live.shape
    ends = live + log_probs[:, eos].view(rows, width)
    log_probs[:, eos] = NEVER
    gains, words = top(log_probs, beam)
    on = (live[:, :, None] + gains.view(rows, width, gains.shape[1])).flatten(1)
    scores, place = on.topk(min(beam, on.shape[1]), dim=1)
    everything = torch.cat((on, ends), dim=1)
    bar = everything.topk(min(beam, everything.shape[1]), dim=1).values[:, -1:]
    return Extended(
        ends.masked_fill(ends < bar, NEVER),
        scores,
        place // gains.shape[1],
        words.view(rows, width * gains.shape[1]).gather(1, place),
    )


def worth(live: Tensor, constraints: Constraints, position: int, beam: int, words: Tensor) -> Tensor:
    """(R * W,) what a word of a prefix must reach to be among the K best continuations of its row of prefixes.

    live: (R, W) scores of the prefixes. words: (R * W, C) log-probabilities of some words, the special ones included.
    """
    allowed = constraints(words.clone(), position, None)
    allowed[:, constraints.eos] = NEVER
    gains = top(allowed, beam)[0].view(*live.shape, -1)
    found = (live[:, :, None] + gains).flatten(1)
    if found.shape[1] < beam:
        return torch.full_like(found[:, :1].expand(live.shape), NEVER).flatten()
    return (found.topk(beam, dim=1).values[:, -1:] - live - SLACK).flatten()


def beam_search(
    step: Step,
    state: DecoderState,
    size: int,
    config: DecodingConfig,
    constraints: Constraints,
    ids: SpecialIds,
    bounded: bool = False,
) -> Found:
    """Beam search (Sutskever et al. 2014, sec. 3.2): tokens (B, C, T), scores and lengths (B, C), best first.

    A prefix is finished when its `</s>` is among the row's K best continuations. A row stops with K finished
    sentences, which makes a beam of 1 greedy search. bounded: let `step` leave out words that cannot be among the K
    best continuations, which changes nothing but the time.
    """
    device = constraints.forbidden.device
    pool: Pool | None = None
    rows = torch.arange(size, device=device)
    current = torch.full((size,), ids.bos, device=device)
    live, prefixes = torch.zeros(size, 1, device=device), current.new_zeros(size, 1, 0)
    for position in range(config.max_length + 1):
        if bounded and not constraints.needs_history:
            log_probs, state = step(current, state, partial(worth, live, constraints, position, config.beam))
        else:
            log_probs, state = step(current, state)
        pool = pool or Pool.empty(size, config.beam, config.max_length + 1, log_probs, ids.pad)
        log_probs = constraints(log_probs, position, prefixes.flatten(0, 1))
        found = extend(live.to(log_probs.dtype), log_probs, config.beam, ids.eos)
        if bool((found.ends > NEVER).any()):
            pool.add(rows, prefixes, found.ends, ids.eos, config.length_penalty)
        keep = (~pool.full(rows) & (found.scores[:, 0] > NEVER)).nonzero()[:, 0]
        if not len(keep):
            break
        width = prefixes.shape[1]
        parents, words, live = found.parents[keep], found.words[keep], found.scores[keep]
        state = state.select((keep[:, None] * width + parents).flatten())
        taken = prefixes[keep].gather(1, parents[:, :, None].expand(-1, -1, position))
        prefixes, rows = torch.cat((taken, words[:, :, None]), dim=2), rows[keep]
        current = words.flatten()
    assert pool is not None
    return pool.best(config.num_candidates, ids.pad)
