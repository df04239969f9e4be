"""Noise that depends on seed, step and sentence alone; and words drawn through which a gradient passes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.tokenization.config import SPECIAL


@dataclass(frozen=True)
class NoiseKey:
    """Where in the run's noise a batch sits: `seed` of the step, its first row and the rows of the global batch."""

    seed: int
    first_row: int
    total_rows: int

    def part(self, start: int) -> NoiseKey:
        """The key of a slice that starts `start` rows further on."""
        return replace(self, first_row=self.first_row + start)


def mix(*numbers: int) -> int:
    """A 63-bit seed from several integers (splitmix64), the same in every process and Python."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number & 0xFFFFFFFFFFFFFFFF)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


def standard_normal(like: Tensor, key: NoiseKey | None, stream: int) -> Tensor:
    """ε ~ N(0, I) in the shape and precision of `like` (B, Z), the same numbers in every precision.

    Without a key the global generator is used. With one, all rows of the global batch are drawn on the CPU and this
    batch's rows are kept: at B·Z ≤ 10⁵ numbers a step the surplus costs under a millisecond.
    """
    if key is None:
        return torch.randn_like(like)
    generator = torch.Generator().manual_seed(mix(key.seed, stream))
    rows = torch.randn(key.total_rows, like.shape[1], generator=generator)
    return rows[key.first_row : key.first_row + like.shape[0]].to(like)


def exact(x: Tensor) -> Tensor:
    """`x` in at least fp32: half precision cannot hold a difference of scores or a small probability."""
    return x.float() if x.element_size() < 4 else x


def uniform(like: Tensor, key: NoiseKey | None, stream: int) -> Tensor:
    """u ∈ [0, 1) in the shape of `like` (B, ...), at least fp32, on its device.

    With a key, row b is a function of (seed, stream, place of the row in the global batch): the same in any split, and
    on the CPU in any padded length. Every row has a generator of its own on the device, so that no process draws the
    rows of the others: (64, 14, 15000) takes 60 ms on one core. A GPU draws its own numbers, not the CPU's. Without a
    key the global generator is used.
    """
    result = torch.empty(like.shape, dtype=exact(like).dtype, device=like.device)
    if key is None:
        return result.uniform_()
    generator = torch.Generator(like.device)
    for row, values in enumerate(result):
        generator.manual_seed(mix(key.seed, stream, key.first_row + row))
        values.copy_(torch.rand(values.shape, generator=generator, device=like.device))  # fp32, whatever the precision
    return result


def gumbel(uniform: Tensor) -> Tensor:
    """g = −log(−log u) ~ Gumbel(0, 1) from u ∈ [0, 1) in fp32 or fp64; u = 0 gives about −4.5, never −∞."""
    return uniform.clamp(min=torch.finfo(torch.float32).tiny).log_().neg_().log_().neg_()


def soft(logits: Tensor, tau: float = 1.0) -> Tensor:
    """y = softmax(logits / τ): (..., V') to a point on the simplex, at least fp32. τ → 0: argmax; τ → ∞: uniform.

    UserError: τ is not above 0.
    """
    if not tau > 0:
        raise UserError(f"tau is {tau}; a temperature must be above 0")
    return (exact(logits) / tau).softmax(-1)


def soft_gumbel(logits: Tensor, tau: float, uniform: Tensor) -> Tensor:
    """y = softmax((logits + g) / τ), g = −log(−log u)  (Jang et al. 2017, eq. 2; Maddison et al. 2017).

    logits: (..., V') log-probabilities up to a constant; uniform: the same shape, from `uniform`. argmax y is an exact
    sample of softmax(logits) at every τ.
    """
    return soft(exact(logits) + gumbel(uniform), tau)


class _StraightThrough(torch.autograd.Function):
    """One-hot of `ids` forwards, the identity to `point` backwards. `hard + soft - soft` would not be exactly 0/1."""

    @staticmethod
    def forward(ctx: Any, point: Tensor, ids: Tensor) -> Tensor:
        return torch.zeros_like(point).scatter_(-1, ids[..., None], 1.0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def straight_through(point: Tensor, ids: Tensor | None = None) -> Tensor:
    """One-hot words whose gradient goes to `point` unchanged: ∂output/∂point = 1  (Bengio et al. 2013).

    point: (..., V') on the simplex; ids: (...) the words, argmax of `point` if not given.
    """
    return _StraightThrough.apply(point, point.argmax(-1) if ids is None else ids)


def straight_through_gumbel(logits: Tensor, tau: float, uniform: Tensor) -> Tensor:
    """Sampled words, one-hot forwards; softmax((logits + g) / τ) backwards  (Jang et al. 2017, sec. 2.2).

    logits, uniform: (..., V'). Returns (..., V'), at least fp32. SEQ3 (Baziotis et al. 2019) uses τ = .5.
    """
    return straight_through(soft_gumbel(logits, tau, uniform))


def embed(sequence: Tensor, embedding: nn.Embedding) -> Tensor:
    """Ids (B, L), or points on the simplex (B, L, V'), to embeddings (B, L, E).

    Ids are looked up: a one-hot (B, L, V') is never made for them. A point costs L · V' · E multiplications.
    """
    if sequence.dim() == 2:
        return embedding(sequence)
    weight = embedding.weight
    return sequence.to(weight.dtype) @ weight


def shifted(ids: Tensor, start: int = SPECIAL.bos) -> Tensor:
    """What a decoder reads to write texts `ids` (B, L): `start`, then every word but the last, (B, L)."""
    return F.pad(ids[:, :-1], (1, 0), value=start)


def until_end(ids: Tensor, eos: int) -> Tensor:
    """Mask (B, L) bool of what counts as the text: every word up to and with the first `eos`."""
    ended = (ids == eos).long().cumsum(1)
    return ended - (ids == eos).long() == 0
