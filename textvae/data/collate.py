"""Sentences to a `Batch`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from textvae.data.batch import Batch
from textvae.data.noise import NoiseConfig, corrupt
from textvae.data.tokenized import TokenizedCorpus
from textvae.tokenization.config import SPECIAL

IGNORED = -100


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
