"""What a style is made of: attributes such as sentiment and tense, each with labels of which a sentence has one.

One attribute is the usual case, and its labels (B,) need no name. With A of them labels are (B, A). Tables that have a
row for every label (prior means, target vectors, classifiers) hold all attributes one after the other: S rows of the
width of one attribute's block of z_s = [z_1; ...; z_A].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod

import torch
from torch import Tensor

Sizes = int | Sequence[int]
"""Labels of the one attribute, or of each."""


def columns(style: Tensor) -> tuple[Tensor, ...]:
    """The labels (B,) of each attribute, from (B,) of the one or (B, A)."""
    return (style,) if style.dim() == 1 else style.unbind(1)


@dataclass(frozen=True)
class LabelGroups:
    """K_a labels of each of A attributes, S = Σ K_a in all."""

    sizes: tuple[int, ...]

    @classmethod
    def of(cls, sizes: Sizes) -> LabelGroups:
        """From the number of labels of one attribute, or the numbers of several."""
        return cls((sizes,) if isinstance(sizes, int) else tuple(sizes))

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def total(self) -> int:
        """S."""
        return sum(self.sizes)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Row of each attribute's first label."""
        return tuple(accumulate(self.sizes[:-1], initial=0))

    def split(self, logits: Tensor) -> tuple[Tensor, ...]:
        """(..., S) to one (..., K_a) an attribute."""
        return logits.split(self.sizes, dim=-1)

    def rows(self, style: Tensor) -> Tensor:
        """Rows (B, A) of labels (B,) or (B, A) among all S."""
        return torch.stack([labels + first for labels, first in zip(columns(style), self.offsets, strict=True)], dim=1)

    @property
    def combinations(self) -> int:
        """Π K_a, in how many ways a sentence can have a label of each."""
        return prod(self.sizes)

    def combination(self, style: Tensor) -> Tensor:
        """The number (B,) of the labels (B,) or (B, A) of a sentence among all `combinations`."""
        number, *others = columns(style)
        for labels, size in zip(others, self.sizes[1:], strict=True):
            number = number * size + labels
        return number

    def likeliest(self, shares: Tensor) -> Tensor:
        """The label of each attribute with the largest of the shares (..., S): (..., A)."""
        return torch.stack([x.argmax(-1) for x in self.split(shares)], dim=-1)

    def joined(self, table: Tensor, style: Tensor) -> Tensor:
        """[row of label 1; ...; row of label A] of a table (S, D): (B, A · D)."""
        return table[self.rows(style)].flatten(1)

    def centre(self, table: Tensor) -> Tensor:
        """[mean of the rows of attribute 1; ...]: (A · D,)."""
        return torch.cat([rows.mean(0) for rows in table.split(self.sizes)])
