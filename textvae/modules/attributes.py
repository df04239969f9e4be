"""What a style is made of: attributes such as sentiment and tense, each with labels of which a sentence has one.

One attribute is the usual case, and its labels (B,) need no name. With A of them labels are (B, A). Tables that have a
row for every label (prior means, target vectors, classifiers) hold all attributes one after the other: S rows of the
width of one attribute's block of z_s = [z_1; ...; z_A].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from textvae.errors import UserError

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

    def joined(self, table: Tensor, style: Tensor) -> Tensor:
        """[row of label 1; ...; row of label A] of a table (S, D): (B, A · D)."""
        return table[self.rows(style)].flatten(1)

    def centre(self, table: Tensor) -> Tensor:
        """[mean of the rows of attribute 1; ...]: (A · D,)."""
        return torch.cat([rows.mean(0) for rows in table.split(self.sizes)])


@dataclass(frozen=True)
class Attributes:
    """names: of A attributes. labels: those of each."""

    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]

    UNNAMED = "style"
    """What the attribute is called where there is only one."""

    @classmethod
    def of(cls, labels: Attributes | Mapping[str, Sequence[str]] | Sequence[str]) -> Attributes:
        """From the labels by attribute, or the labels of the one attribute."""
        if isinstance(labels, Attributes):
            return labels
        if not isinstance(labels, Mapping):
            labels = {cls.UNNAMED: labels}
        return cls(tuple(labels), tuple(tuple(names) for names in labels.values()))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def groups(self) -> LabelGroups:
        """How many labels each has."""
        return LabelGroups(tuple(map(len, self.labels)))

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """A name for each of the S labels: the label itself, or ATTRIBUTE=LABEL where there are several attributes."""
        if len(self) == 1:
            return self.labels[0]
        return tuple(f"{name}={label}" for name, labels in self.by_name().items() for label in labels)

    def by_name(self) -> dict[str, tuple[str, ...]]:
        """Labels by attribute."""
        return dict(zip(self.names, self.labels, strict=True))

    def find(self, wanted: str) -> tuple[int, int]:
        """Attribute and label that `wanted` means: LABEL, or ATTRIBUTE=LABEL. UserError where it is none or several."""
        found = [(a, labels.index(wanted)) for a, labels in enumerate(self.labels) if wanted in labels]
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(f"{self.names[a]}={wanted}" for a, _ in found)
            raise UserError(f"label {wanted!r} is not of one attribute alone; say {choices}")
        name, equals, label = wanted.partition("=")
        if equals and name in self.names:
            return self.names.index(name), self.find_label(name, label)
        raise UserError(f"unknown label {wanted!r}; this model knows: {self}")

    def find_label(self, name: str, label: str) -> int:
        """The label of an attribute. UserError where there is no such attribute or label."""
        if name not in self.names:
            raise UserError(f"unknown attribute {name!r}; this model knows: {self}")
        known = self.by_name()[name]
        if label not in known:
            raise UserError(f"{name} has no label {label!r}; it knows: {', '.join(known)}")
        return known.index(label)

    def __str__(self) -> str:
        return ", ".join(self.label_names)
