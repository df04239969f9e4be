"""Raw text to vectors: posterior means of sentences, and what a model thinks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from textvae.errors import UserError
from textvae.inference.latents.model import LatentModel
from textvae.inference.loading import Precision, autocast
from textvae.inference.pieces import LineReader, pad
from textvae.inference.streaming import WINDOW_LINES, windows
from textvae.inference.style_transfer import batches
from textvae.text import TextConfig
from textvae.tokenization.config import SPECIAL

ENCODED_ROWS = 256
"""Sentences encoded at once."""


@dataclass(frozen=True)
class Scored:
    """What the model thinks of N lines, all (N,) but mean (N, Z). Nats, summed over the sentences of a line.

    nll: −ln p(x | z) at z = μ(x). kl: of q(z | x) against the prior. bound: −ELBO = −ln p(x | z) + kl with one
    z ~ q(z | x); for a deterministic latent nll + kl, which bounds nothing. tokens: with one `</s>` a sentence, of
    which there are `sentences`. mean: of the sentences' μ. nll and bound are nan where the decoder reads more than z.
    """

    nll: np.ndarray
    kl: np.ndarray
    bound: np.ndarray
    tokens: np.ndarray
    sentences: np.ndarray
    mean: np.ndarray


class VectorReader:
    """Vectors of sentences, for any autoencoder of the family."""

    def __init__(
        self,
        model: LatentModel,
        tokenizer: PreTrainedTokenizerFast,
        text: TextConfig | None = None,
        precision: Precision = "auto",
        folder: Path | None = None,
    ):
        self.model, self.precision, self.folder = model, precision, folder
        self.labels, self.size, self.parts = model.labels, model.size, model.parts
        self.max_length: int = model.network.config.max_length
        self.text = text or TextConfig()
        self.reader = LineReader(tokenizer, self.text, self.max_length)

    @overload
    def encode(self, texts: str, part: str = "all") -> np.ndarray: ...
    @overload
    def encode(self, texts: Iterable[str], part: str = "all") -> np.ndarray: ...
    def encode(self, texts: str | Iterable[str], part: str = "all") -> np.ndarray:
        """Posterior means: (Z,) of a text, (N, Z) of several, float32. part: one of `parts` instead of all of z."""
        if isinstance(texts, str):
            return self.vectors([texts], part)[0]
        blocks = [vectors for _, vectors in self.encode_stream(texts, part)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.width(part)), np.float32)

    def encode_stream(
        self, lines: Iterable[str], part: str = "all", window: int = WINDOW_LINES
    ) -> Iterator[tuple[list[str], np.ndarray]]:
        """Lines with their vectors (n, Z), any number of them in bounded memory: `window` lines at a time."""
        self.width(part)
        for block in windows(lines, window):
            yield block, self.vectors(block, part)

    def width(self, part: str) -> int:
        """Numbers in a vector of a part; UserError where the model has no such part."""
        return self.size if part == "all" else len(range(*self.place(part).indices(self.size)))

    def place(self, part: str) -> slice:
        """Where a part stands in z."""
        if part == "all":
            return slice(0, self.size)
        if part not in self.parts:
            raise UserError(f"unknown part {part!r} of the latent; this model has: all, {', '.join(self.parts)}")
        return self.parts[part]

    @torch.inference_mode()
    def vectors(self, lines: Sequence[str], part: str = "all") -> np.ndarray:
        """(N, Z) of a window of lines."""
        pieces, owners = self.pieces(lines)
        means = np.zeros((len(pieces), self.size), np.float32)
        with self.reading():
            for rows, ids in self.padded(pieces):
                means[rows] = self.model.posterior(ids).mean.float().cpu().numpy()
        return averaged(means, owners, len(lines))[:, self.place(part)]

    def pieces(self, lines: Sequence[str]) -> tuple[list[tuple[int, ...]], np.ndarray]:
        """Token ids of all pieces of all lines, and the line (P,) that each belongs to."""
        found = [[piece.ids for piece in line.pieces] or [()] for line in self.reader.read(lines)]
        owners = [number for number, pieces in enumerate(found) for _ in pieces]
        return [ids for pieces in found for ids in pieces], np.array(owners, np.int64)

    def padded(self, pieces: Sequence[tuple[int, ...]]) -> Iterator[tuple[list[int], Tensor]]:
        """Batches of pieces of like length: their places, and ids (B, L)."""
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))
        for batch in batches(order, [len(p) for p in pieces], ENCODED_ROWS):
            yield list(batch), pad([pieces[i] for i in batch]).to(self.model.device)

    def reading(self) -> torch.autocast:
        """In which precision vectors and scores are computed: bf16 only where it was asked for by name."""
        return autocast(self.model.device, "bf16" if self.precision == "bf16" else "fp32")

    @torch.inference_mode()
    def score(self, lines: Sequence[str], seed: int = 0) -> Scored:
        """What the model thinks of lines (see `Scored`)."""
        pieces, owners = self.pieces(lines)
        sums = np.zeros((4, len(pieces)))
        means = np.zeros((len(pieces), self.size), np.float32)
        with self.reading():
            for rows, ids in self.padded(pieces):
                found = self.model.posterior(ids)
                means[rows] = found.mean.float().cpu().numpy()
                columns = (self.nll(found.mean, ids), found.kl, self.nll(found.draw(ids, seed), ids))
                for place, values in enumerate((*columns, (ids != SPECIAL.pad).sum(1))):
                    sums[place, rows] = values.double().cpu().numpy()
        sums[2] += sums[1]
        nll, kl, bound, tokens = (np.bincount(owners, row, len(lines)) for row in sums)
        sentences = np.bincount(owners, minlength=len(lines))
        return Scored(nll, kl, bound, tokens, sentences, averaged(means, owners, len(lines)))

    def nll(self, z: Tensor, ids: Tensor) -> Tensor:
        """−ln p(x | z) (B,); nan where the decoder reads more than z."""
        if self.model.looks_back() is not None:
            return torch.full((len(ids),), torch.nan)
        return -self.model.token_log_probs(z, ids).sum(1)


def averaged(rows: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """Means (count, Z) of the rows (P, Z) of each owner (P,)."""
    if len(rows) == count:  # one each, the usual case, and exact
        return rows
    sums = np.zeros((count, rows.shape[1]), np.float64)
    np.add.at(sums, owners, rows)
    return (sums / np.bincount(owners, minlength=count)[:, None]).astype(np.float32)
