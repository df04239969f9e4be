"""Sentences to a batch of tensors."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from textvae.modules.noise import NoiseKey
from textvae.tokenization.config import SPECIAL

if TYPE_CHECKING:
    from textvae.data.noise import NoiseConfig
    from textvae.data.tokenized import TokenizedCorpus

IGNORED = -100
"""A label that no loss reads."""


def even_cuts(rows: int, parts: int) -> list[int]:
    """Where `rows` are divided into `parts` nearly equal parts, none of them empty: 0, …, rows."""
    parts = min(parts, rows)
    return [rows * i // parts for i in range(parts + 1)]


class Rows:
    """Base of frozen dataclasses whose tensor fields have a row for each of B sentences, (B, …), or are None.

    A field `key` is the place of the rows in the run's noise.
    """

    def tensors(self) -> dict[str, Tensor]:
        """The tensor fields by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "key"}  # type: ignore[arg-type]
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def __len__(self) -> int:
        return len(next(iter(self.tensors().values())))

    def to(self, device: torch.device | str) -> Self:
        """The same rows on `device`."""
        return self.changed({n: t.to(device, non_blocking=True) for n, t in self.tensors().items()})

    def rows(self, start: int, stop: int) -> Self:
        """Rows start … stop − 1, padded as before, which keep their places in the noise."""
        key = getattr(self, "key", None)
        changes: dict[str, Any] = {} if key is None else {"key": key.part(start)}
        return self.changed({n: t[start:stop] for n, t in self.tensors().items()} | changes)

    def permuted(self, order: Tensor) -> Self:
        """All rows in another order, without noise (its rows would move)."""
        changes: dict[str, Any] = {"key": None} if hasattr(self, "key") else {}
        return self.changed({n: t[order] for n, t in self.tensors().items()} | changes)

    def changed(self, values: dict[str, Any]) -> Self:
        """The same with other fields."""
        return replace(self, **values)  # type: ignore[type-var]


@dataclass(frozen=True)
class Batch(Rows):
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


@dataclass(frozen=True)
class Collator:
    """Builds batches. content_ids: (V,) row of every token in the bag of words, −1 for tokens without content."""

    content_ids: np.ndarray
    noise: NoiseConfig

    def __call__(self, corpus: TokenizedCorpus, indices: np.ndarray, rng: np.random.Generator | None = None) -> Batch:
        """Sentences `indices` of a corpus; without a generator there is no noise."""
        tokens, lengths = padded([corpus.sentence(int(i)) for i in indices])
        return self.collate(tokens, lengths, np.asarray(corpus.labels[indices]), rng)

    def collate(
        self, tokens: np.ndarray, lengths: np.ndarray, style: np.ndarray, rng: np.random.Generator | None
    ) -> Batch:
        """Padded ids (B, L), lengths (B,) and labels (B,) to a batch of width L + 1."""
        read, read_lengths, fed = tokens, lengths, tokens
        if rng is not None:
            from textvae.data.noise import corrupt

            read, read_lengths = corrupt(tokens, lengths, self.noise, len(self.content_ids), SPECIAL.mask, rng)
            if self.noise.word_dropout > 0:
                fed = np.where(rng.random(tokens.shape) < self.noise.word_dropout, SPECIAL.mask, tokens)
        valid = np.arange(tokens.shape[1]) < lengths[:, None]
        bag_ids, bag_weights = self.bag(tokens, valid)
        targets = close(tokens, lengths)
        targets[np.arange(targets.shape[1]) > lengths[:, None]] = IGNORED
        start = np.full((len(tokens), 1), SPECIAL.bos, dtype=tokens.dtype)
        fed = np.where(valid, fed, SPECIAL.pad)
        arrays = {
            "input_ids": close(read, read_lengths),
            "attention_mask": np.arange(tokens.shape[1] + 1) <= read_lengths[:, None],
            "decoder_input_ids": np.concatenate((start, fed), axis=1),
            "labels": targets,
            "style": style,
            "bag_ids": bag_ids,
            "bag_weights": bag_weights,
        }
        tensors: dict[str, Any] = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
        return Batch(**tensors)

    def bag(self, tokens: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """t_c of clean tokens (B, L): rows and weights, each (B, L)."""
        rows = np.where(valid, self.content_ids[tokens], -1)
        counted = rows >= 0
        total = np.maximum(counted.sum(axis=1, keepdims=True), 1)
        return np.where(counted, rows, 0), (counted / total).astype(np.float32)


def padded(sentences: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of different lengths to ids (B, L) int64 and lengths (B,)."""
    lengths = np.fromiter((len(s) for s in sentences), dtype=np.int64, count=len(sentences))
    tokens = np.full((len(sentences), int(lengths.max(initial=1))), SPECIAL.pad, dtype=np.int64)
    tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = np.concatenate(sentences)
    return tokens, lengths


def close(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Append `</s>` to every row: (B, L) → (B, L + 1), padding after it."""
    wide = np.concatenate((tokens, np.full((len(tokens), 1), SPECIAL.pad, dtype=tokens.dtype)), axis=1)
    wide[np.arange(wide.shape[1]) >= lengths[:, None]] = SPECIAL.pad
    wide[np.arange(len(tokens)), lengths] = SPECIAL.eos
    return wide
