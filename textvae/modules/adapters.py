"""Low-rank adapters (LoRA; Hu et al. 2022, arXiv 2106.09685): y = W x + U D x, of which only U and D are trained.

They are few lines, so no further library is needed. A layer is replaced by a subclass of its own class, which keeps the
names of its weights: code that looks at `layer.weight` and files that hold it see no difference.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

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
