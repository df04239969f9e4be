"""One batch of sentences."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from textvae.modules.noise import NoiseKey


def even_cuts(rows: int, parts: int) -> list[int]:
    """Where `rows` are divided into `parts` nearly equal parts, none of them empty: 0, …, rows."""
    parts = min(parts, rows)
    return [rows * i // parts for i in range(parts + 1)]


@dataclass(frozen=True)
class Batch:
    """B sentences of at most L − 1 tokens, padded, on one device.

    input_ids: (B, L) the encoder's view: tokens (noised, if noise is on), `</s>`, padding.
    attention_mask: (B, L) True where `input_ids` is not padding.
    decoder_input_ids: (B, L) `<s>`, tokens (some blanked by word dropout), padding.
    labels: (B, L) tokens, `</s>`, then −100, which no loss reads.
    style: (B,) index of the label; with several attributes (B, A), of each one's.
    bag_ids, bag_weights: (B, L) rows of the content bag of words and their share; the weights of a sentence sum to 1,
        or to 0 where it has no content word.
    stored: (B, T) ids of its sentences in another style, `</s>` and padding after them, where these were written before
        the training; else None.
    group: (B,) the same number for sentences that share a factor, which stand together; None where they are not told.
    key: the batch's place in the run's noise, None outside training.
    """

    input_ids: Tensor
    attention_mask: Tensor
    decoder_input_ids: Tensor
    labels: Tensor
    style: Tensor
    bag_ids: Tensor
    bag_weights: Tensor
    key: NoiseKey | None = None
    group: Tensor | None = None
    stored: Tensor | None = None

    def __len__(self) -> int:
        return self.input_ids.shape[0]

    def tensors(self) -> dict[str, Tensor]:
        """The tensor fields by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "key"}
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def to(self, device: torch.device | str) -> Self:
        """The same batch on `device`."""
        moved: dict[str, Any] = {n: t.to(device, non_blocking=True) for n, t in self.tensors().items()}
        return replace(self, **moved)

    def rows(self, start: int, stop: int) -> Self:
        """Sentences start … stop − 1, which keep their places in the noise."""
        key = None if self.key is None else self.key.part(start)
        return replace(self, **{n: t[start:stop] for n, t in self.tensors().items()}, key=key)

    def permuted(self, order: Tensor) -> Self:
        """Sentences *and labels* in another order, without noise (its rows would move)."""
        return replace(self, **{n: t[order] for n, t in self.tensors().items()}, key=None)

    def cuts(self, parts: int) -> list[int]:
        """Where rows are divided into at most `parts` nearly equal parts: 0, …, B. A group stays in one part."""
        if self.group is None:
            return even_cuts(len(self), parts)
        begins = torch.cat((self.group.new_ones(1), self.group.diff())).nonzero()[:, 0].tolist()
        return [[*begins, len(self)][place] for place in even_cuts(len(begins), parts)]

    @property
    def num_tokens(self) -> int:
        """Tokens to predict, `</s>` included."""
        return int((self.labels >= 0).sum())
