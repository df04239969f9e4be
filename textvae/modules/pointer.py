"""Attention from the words of a text to the words of its source, and copying from there (See, Liu & Manning 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Pointed:
    """hidden: (B, L, H) what the output layer reads. attention: (B, L, M) at least fp32, 0 at padding, sums to 1.

    gate: (B, L, 1) the logit of p_gen, at least fp32; None where nothing is copied.
    """

    hidden: Tensor
    attention: Tensor
    gate: Tensor | None


class Pointer(nn.Module):
    """Attention, context and switch of the pointer-generator, for all positions at once (See et al. 2017, sec. 2.2).

    a_l = softmax_m(q_l · k_m / √A)           eq. 1-2, with a scaled product for their additive score
    c_l = Σ_m a_lm h_m                        eq. 3
    hidden_l = tanh(W [s_l; c_l])             eq. 4, its inner layer
    p_gen = σ(w [c_l; s_l; x_l])              eq. 8

    s: (B, L, D) decoder states, x: (B, L, E) decoder inputs, h: (B, M, D_mem) memory. Two deviations from the paper,
    both so that no position waits for the one before it: the score is a product (the additive one needs (B, L, M, A)
    numbers), and it does not read the coverage so far (eq. 11), which stays a penalty (`coverage_penalty`).
    """

    def __init__(self, size: int, embedding_size: int, memory_size: int, hidden_size: int, copy: bool):
        super().__init__()
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(memory_size, size, bias=False)  # a bias would add the same to every score
        self.combine = nn.Linear(size + memory_size, hidden_size)
        self.gate = nn.Linear(memory_size + size + embedding_size, 1) if copy else None

    def forward(self, states: Tensor, embedded: Tensor, keys: Tensor, memory: Tensor, mask: Tensor) -> Pointed:
        """states (B, L, D), embedded (B, L, E), keys `self.key(memory)` (B, M, D), memory (B, M, D_mem), mask (B, M).

        Every row of `mask` needs a True. Products run in the precision of autocast, the softmax in at least fp32.
        """
        scores = self.query(states) @ keys.transpose(1, 2)
        attention = _exact(scores / math.sqrt(keys.shape[-1])).masked_fill(~mask[:, None], -math.inf).softmax(-1)
        context = attention.to(memory.dtype) @ memory
        hidden = torch.tanh(self.combine(torch.cat((states.to(context.dtype), context), dim=-1)))
        gate = None
        if self.gate is not None:
            gate = _exact(self.gate(torch.cat((context, states.to(context.dtype), embedded.to(context.dtype)), dim=-1)))
        return Pointed(hidden, attention, gate)


def _exact(x: Tensor) -> Tensor:
    """At least fp32."""
    return x if x.dtype == torch.float64 else x.float()


def _log_of_copied(copied: Tensor) -> Tensor:
    """log of a sum of attention, finite (and its gradient too) where the sum is 0."""
    return copied.clamp(min=torch.finfo(copied.dtype).tiny).log()


def _exact_product(attention: Tensor, other: Tensor) -> Tensor:
    """The matrix product in the precision of `attention`, whatever autocast says: probabilities are to sum to 1."""
    with torch.autocast(attention.device.type, enabled=False):
        return attention @ other.to(attention.dtype)


def is_simplex(source: Tensor) -> bool:
    """Whether a source is points on the simplex (B, M, V) rather than ids (B, M)."""
    return source.is_floating_point()


def mixture_nll(nll: Tensor, gate: Tensor, attention: Tensor, source: Tensor, labels: Tensor) -> Tensor:
    """−log p(y), p(y) = p_gen softmax(y) + (1 − p_gen) Σ_{m: source_m = y} a_m (See et al. 2017, eq. 9), per token.

    nll: (N,) −log softmax(y), gate: (N, 1), attention: (N, M), labels: (N,); source: (N, M) ids, or (N, M) the weight
    that each source position gives to the label (for a source on the simplex), told apart by the dtype. No (N, V).
    """
    weight = source if is_simplex(source) else source == labels[:, None]
    copied = (attention * weight).sum(-1)
    written = F.logsigmoid(gate[:, 0]) - nll
    mixed = torch.logaddexp(written, F.logsigmoid(-gate[:, 0]) + _log_of_copied(copied))
    return -torch.where(copied > 0, mixed, written)


def mixture_log_probs(log_probs: Tensor, gate: Tensor, attention: Tensor, source: Tensor) -> Tensor:
    """log p of every word, the same mixture: log_probs (B, L, V) of the softmax → (B, L, V); nothing else is that big.

    attention: (B, L, M), 0 at padding; source: (B, M) ids, or (B, M, V) points on the simplex.
    """
    written, point = log_probs + F.logsigmoid(gate), F.logsigmoid(-gate)
    if is_simplex(source):
        copied = _exact_product(attention, source)
        return torch.where(copied > 0, torch.logaddexp(written, point + _log_of_copied(copied)), written)
    # A word that stands in the source twice gets the sum of its attention, written into its column twice; only the
    # first of the two passes a gradient on.
    same = source[:, :, None] == source[:, None, :]
    first = ~same.tril(-1).any(-1)
    copied = _exact_product(attention, same)
    columns = source[:, None].expand_as(attention)
    before = log_probs.gather(2, columns) + F.logsigmoid(gate)  # not from `written`, which is about to change
    mixed = torch.where(copied > 0, torch.logaddexp(before, point + _log_of_copied(copied)), before)
    # In place: no backward pass reads the values of `written`.
    return written.scatter_(2, columns, torch.where(first[:, None], mixed, mixed.detach()))


def coverage_penalty(attention: Tensor) -> Tensor:
    """Σ_m min(a_lm, Σ_{l' < l} a_l'm): (B, L, M) → (B, L) (See et al. 2017, eq. 12-13). In [0, 1]; 0 at the first word.

    It costs to attend again to what was attended to before.
    """
    before = attention.cumsum(1) - attention
    return torch.minimum(attention, before).sum(-1)
