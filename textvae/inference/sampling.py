"""Drawing tokens: truncation of the distribution, and noise that does not depend on the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from textvae.inference.config import DecodingConfig

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
