"""What a decoder may look at beside the latent vectors: nothing, the encoder's states in windows, or all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.modules.attributes import LabelGroups, Sizes
from textvae.modules.config import MemoryConfig
from textvae.modules.noise import exact


class StyleAttention(nn.Module):
    """α = softmax(v · tanh(W h)), logits = U Σ_t α_t h_t: where a classifier finds the style (RACoLN, Lee et al. 2021).

    It learns by J_mul_m without moving the encoder, which could otherwise please it.
    """

    def __init__(self, state_size: int, styles: int):
        super().__init__()
        self.hidden = nn.Linear(state_size, state_size)
        self.score = nn.Linear(state_size, 1, bias=False)
        self.output = nn.Linear(state_size, styles)

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, L, D), mask (B, L) → logits (B, S) and weights α (B, L)."""
        states = states.detach()
        scores = exact(self.score(torch.tanh(self.hidden(states))))[..., 0]
        weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(1)
        return self.output((weights[..., None].to(states.dtype) * states).sum(1)), weights


@dataclass(frozen=True)
class Remembered:
    """rows (B, M, D_mem) for the decoder; logits (B, K_a), by attribute, of the classifier that scrubs, if any."""

    rows: Tensor
    logits: tuple[Tensor, ...] | None = None

    def detach(self) -> Remembered:
        """The same numbers outside the graph."""
        logits = None if self.logits is None else tuple(x.detach() for x in self.logits)
        return Remembered(self.rows.detach(), logits)


class SentenceMemory(nn.Module):
    """Encoder states (B, L, D) to rows (B, M, D_mem) for the decoder. A row of zeros is padding.

    Scrubbed states are (1 − α_t) h_t. There is no bias, so padding, whose states are zero, stays zero: the rows need no
    mask beside them. With several attributes one α fades what tells any of them.
    """

    def __init__(self, config: MemoryConfig, state_size: int, memory_size: int, styles: Sizes):
        super().__init__()
        self.config, self.groups = config, LabelGroups.of(styles)
        self.project = nn.Linear(state_size, memory_size, bias=False)
        self.style_attention = StyleAttention(state_size, self.groups.total) if config.scrub else None

    def forward(self, states: Tensor, mask: Tensor) -> Remembered:
        """mask: (B, L) True at words."""
        logits = None
        if self.style_attention is not None:
            found, weights = self.style_attention(states, mask)
            logits = self.groups.split(found)
            states = states * (1 - weights.detach())[..., None].to(states.dtype)
        return Remembered(self.whole(states, mask), logits)

    def whole(self, states: Tensor, mask: Tensor) -> Tensor:
        """(B, M, D_mem) of states that are not scrubbed."""
        if self.config.kind == "pooled":
            states = pooled(states, mask, self.config.window)
        rows: Tensor = self.project(states)
        return rows


def pooled(states: Tensor, mask: Tensor, window: int) -> Tensor:
    """Means over windows of words: (B, L, D) and mask (B, L) → (B, ⌈L / window⌉, D), 0 where a window has no word."""
    spare = -states.shape[1] % window
    sums = F.pad(states, (0, 0, 0, spare)).unflatten(1, (-1, window)).sum(2)
    words = F.pad(mask, (0, spare)).unflatten(1, (-1, window)).sum(2)
    return sums / words.clamp(min=1)[..., None].to(sums.dtype)


def mean_row(rows: Tensor) -> Tensor:
    """(B, D_mem) the mean of the rows of a memory (B, M, D_mem) that are no padding."""
    return rows.sum(1) / present(rows).sum(1, keepdim=True).clamp(min=1).to(rows.dtype)


def present(memory: Tensor) -> Tensor:
    """(B, M) which rows of a memory (B, M, D_mem) are no padding."""
    return (memory != 0).any(-1)


class MemoryAttention(nn.Module):
    """h̃ = tanh(W [h; c]), c = Σ_m a_m m, a = softmax(m W_k · W_q h / √D)  (Luong et al. 2015, eq. 5 and 7, scaled).

    It comes after the recurrent network and is not fed back into it, so the states of all words are one product.
    nearness: above 0, the score of row m for word t also loses s |t − m|, where s is learnt and starts there. Without
    it hundreds of steps go by, with one seed more than with another, until row t is known to hold word t.
    """

    def __init__(self, size: int, memory_size: int, nearness: float = 0.0):
        super().__init__()
        self.nearness = nn.Parameter(torch.tensor(nearness)) if nearness else None
        self.query = nn.Linear(size, size, bias=False)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.combine = nn.Linear(size + memory_size, size)

    def forward(self, hidden: Tensor, rows: Tensor, keys: Tensor, mask: Tensor, place: Tensor | None = None) -> Tensor:
        """States (B, L, D) after a look at rows (B, M, D_mem), their keys (B, M, D) where mask (B, M) is True.

        place: (B,) of the first of the L words, 0 if None.
        """
        scores = exact(self.query(hidden) @ keys.transpose(1, 2)) / math.sqrt(keys.shape[2])
        if self.nearness is not None:
            scores = scores - self.nearness * _distances(hidden, keys.shape[1], place)
        weights = scores.masked_fill(~mask[:, None], torch.finfo(scores.dtype).min).softmax(-1)
        context = weights.to(rows.dtype) @ rows  # 0 without a row, and where all rows are padding
        return torch.tanh(self.combine(torch.cat((hidden, context.to(hidden.dtype)), dim=-1)))


def _distances(hidden: Tensor, rows: int, place: Tensor | None) -> Tensor:
    """(B or 1, L, M) |t − m| of words t, the first of which stands at `place`, and rows m."""
    words = torch.arange(hidden.shape[1], device=hidden.device)[None]
    words = words if place is None else words + place[:, None]
    return (words[:, :, None] - torch.arange(rows, device=hidden.device)).abs()
