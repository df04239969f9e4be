"""Batches of documents and of texts that do not belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from textvae.data.batch import IGNORED, Rows, close, even_cuts, padded
from textvae.modules.noise import NoiseKey
from textvae.tokenization.config import SPECIAL


@dataclass(frozen=True)
class Sequences(Rows):
    """B sequences of at most L − 1 tokens, padded, on one device.

    ids: (B, L) tokens, `</s>`, padding. mask: (B, L) True where `ids` is not padding.
    decoder_input_ids: (B, L) `<s>`, tokens, padding. labels: (B, L) tokens, `</s>`, then −100, which no loss reads.
    lengths: (B,) tokens without `</s>`.
    """

    ids: Tensor
    mask: Tensor
    decoder_input_ids: Tensor
    labels: Tensor
    lengths: Tensor

    @classmethod
    def build(cls, tokens: np.ndarray, lengths: np.ndarray) -> Sequences:
        """Padded tokens (B, L − 1) and their lengths (B,)."""
        ids = close(tokens, lengths)
        mask = np.arange(ids.shape[1]) <= lengths[:, None]
        valid = mask[:, 1:]
        start = np.full((len(tokens), 1), SPECIAL.bos, dtype=np.int64)
        fed = np.concatenate((start, np.where(valid, tokens, SPECIAL.pad)), axis=1)
        arrays = (ids, mask, fed, np.where(mask, ids, IGNORED), lengths)
        return cls(*(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays))

    @classmethod
    def of(cls, sentences: Sequence[Sequence[int]]) -> Sequences:
        """Lists of ids, without special tokens."""
        return cls.build(*padded([np.asarray(s, dtype=np.int64) for s in sentences]))

    @property
    def num_tokens(self) -> int:
        """Tokens to predict, `</s>` included."""
        return int((self.labels >= 0).sum())


@dataclass(frozen=True)
class UnpairedBatch:
    """B documents and B texts; row i of one has nothing to do with row i of the other.

    noised: what the denoising generator reads to write `texts`: row i is noise(text i), and shares its slots.
    key: the batch's place in the run's noise, None outside training.
    """

    documents: Sequences
    texts: Sequences
    noised: Sequences
    key: NoiseKey | None = None

    @property
    def noised_target(self) -> Sequences:
        """What `noised` was made of: the texts, in the same slots."""
        return self.texts

    def __len__(self) -> int:
        return len(self.documents)

    def to(self, device: torch.device | str) -> UnpairedBatch:
        """The same batch on `device`."""
        return replace(
            self, documents=self.documents.to(device), texts=self.texts.to(device), noised=self.noised.to(device)
        )

    def rows(self, start: int, stop: int) -> UnpairedBatch:
        """Examples start … stop − 1 of both sides, which keep their places in the noise."""
        documents, texts, noised = (s.rows(start, stop) for s in (self.documents, self.texts, self.noised))
        return UnpairedBatch(documents, texts, noised, None if self.key is None else self.key.part(start))

    def cuts(self, parts: int) -> list[int]:
        """Where rows are divided into at most `parts` nearly equal parts: 0, …, B."""
        return even_cuts(len(self), parts)

    @property
    def num_tokens(self) -> int:
        """Tokens to predict on both sides, `</s>` included."""
        return self.documents.num_tokens + self.texts.num_tokens
