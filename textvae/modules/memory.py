"""What a decoder may look at beside the latent vectors: nothing, the encoder's states in windows, or all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.modules.relaxations import exact


@dataclass
class MemoryConfig:
    """How much of the sentence the decoder may look back at."""

    kind: Literal["none", "pooled", "full"] = "none"
    """none: the pure vector bottleneck. pooled: means of `window` states. full: every state of the content view."""
    window: int = 5
    """Words in a window (pooled only; CBD, Lai et al. 2021, pools about five)."""

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UserError(f"memory.window must be at least 1, not {self.window}")


class SentenceMemory(nn.Module):
    """Encoder states (B, L, D) to rows (B, M, D_mem) for the decoder. A row of zeros is padding.

    There is no bias, so padding, whose states are zero, stays zero: the rows need no mask beside them.
    """

    def __init__(self, config: MemoryConfig, state_size: int, memory_size: int):
        super().__init__()
        self.config = config
        self.project = nn.Linear(state_size, memory_size, bias=False)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """mask: (B, L) True at words."""
        if self.config.kind == "pooled":
            states = pooled(states, mask, self.config.window)
        return self.project(states)


def pooled(states: Tensor, mask: Tensor, window: int) -> Tensor:
    """Means over windows of words: (B, L, D) and mask (B, L) → (B, ⌈L / window⌉, D), 0 where a window has no word."""
    spare = -states.shape[1] % window
    sums = F.pad(states, (0, 0, 0, spare)).unflatten(1, (-1, window)).sum(2)
    words = F.pad(mask, (0, spare)).unflatten(1, (-1, window)).sum(2)
    return sums / words.clamp(min=1)[..., None].to(sums.dtype)


def present(memory: Tensor) -> Tensor:
    """(B, M) which rows of a memory (B, M, D_mem) are no padding."""
    return (memory != 0).any(-1)


class MemoryAttention(nn.Module):
    """h̃ = tanh(W [h; c]), c = Σ_m a_m m, a = softmax(m W_k · W_q h / √D)  (Luong et al. 2015, eq. 5 and 7, scaled).

    It comes after the recurrent network and is not fed back into it, so the states of all words are one product.
    """

    def __init__(self, size: int, memory_size: int):
        super().__init__()
        self.query = nn.Linear(size, size, bias=False)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.combine = nn.Linear(size + memory_size, size)

    def forward(self, hidden: Tensor, rows: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """States (B, L, D) after a look at rows (B, M, D_mem), their keys (B, M, D) where mask (B, M) is True."""
        scores = exact(self.query(hidden) @ keys.transpose(1, 2)) / math.sqrt(keys.shape[2])
        weights = scores.masked_fill(~mask[:, None], torch.finfo(scores.dtype).min).softmax(-1)
        context = weights.to(rows.dtype) @ rows  # 0 without a row, and where all rows are padding
        return torch.tanh(self.combine(torch.cat((hidden, context.to(hidden.dtype)), dim=-1)))
