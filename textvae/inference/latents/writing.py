"""Vectors to raw text: the sentences that a model writes from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from textvae.errors import UserError
from textvae.inference.decoding import Decoded, decode, row_keys
from textvae.inference.latents.reading import VectorReader
from textvae.inference.loading import autocast
from textvae.inference.options import TransferOptions
from textvae.inference.pieces import Line, Piece

WRITING = (
    *("beam", "num_candidates", "sample", "temperature", "top_k", "top_p", "seed", "length_penalty"),
    *("no_repeat_ngram", "min_length", "allow_unk", "detokenise", "batch_size"),
)
"""Options of writing a sentence from a vector; they mean what they mean in a style transfer."""


@dataclass(frozen=True)
class Drawn:
    """A sentence written from a vector. log_prob: ln p(text | z) in nats, summed over its tokens and `</s>`."""

    text: str
    log_prob: float
    log_prob_per_token: float


def writing_options(options: dict[str, Any]) -> TransferOptions:
    """Options of writing; UserError names one that is none."""
    unknown = sorted(set(options) - set(WRITING))
    if unknown:
        raise UserError(f"no such option: {', '.join(unknown)}; there are {', '.join(WRITING)}")
    return TransferOptions(**options)


class VectorWriter(VectorReader):
    """Sentences of vectors, too."""

    def decode(self, vectors: np.ndarray, **options: Any) -> list[str]:
        """The best sentence for each of the vectors (N, Z); options: the names in `WRITING`."""
        return [found[0].text for found in self.candidates(vectors, **options)]

    def candidates(self, vectors: np.ndarray, first: int = 0, **options: Any) -> list[list[Drawn]]:
        """Up to `num_candidates` sentences for each of the vectors (N, Z), best first; first: number of the first."""
        return self.write(vectors, writing_options(options), first)

    @torch.inference_mode()
    def write(
        self, vectors: np.ndarray, options: TransferOptions, first: int = 0, like: Line | None = None
    ) -> list[list[Drawn]]:
        """The same under checked options; like: a line whose form (tokenised, capitals) what is written takes on."""
        if vectors.ndim != 2 or vectors.shape[1] != self.size:
            raise UserError(f"vectors have the shape {vectors.shape}; this model decodes (N, {self.size})")
        config = options.decoding(self.max_length)
        form = like or Line("", (), prepared=False, truecase=self.text.lowercase)
        rows = {"sample": config.num_candidates, "beam": config.beam, "greedy": 1}[config.strategy]
        size, found = max(1, options.batch_size // rows), []
        network = self.model.network
        for begin in range(0, len(vectors), size):
            z = torch.from_numpy(np.ascontiguousarray(vectors[begin : begin + size])).to(self.model.device)
            keys = row_keys(0, torch.arange(first + begin, first + begin + len(z)))
            with autocast(self.model.device, self.precision):
                memory = self.model.memory(z)
                decoded = decode(network.decoder, network.output, network.target_embedding, memory, config, keys=keys)
            found += self.texts(decoded, form, options)
        return found

    def texts(self, decoded: Decoded, form: Line, options: TransferOptions) -> list[list[Drawn]]:
        """Decoded candidates as people write them."""
        found = []
        one = replace(form, pieces=(Piece(()),))
        columns = (x.tolist() for x in (decoded.tokens, decoded.scores, decoded.lengths))
        for tokens, scores, lengths in zip(*columns, strict=True):
            prepared = self.reader.decode([ids[: max(n - 1, 0)] for ids, n in zip(tokens, lengths, strict=True)])
            rows = zip(prepared, scores, lengths, strict=True)
            found.append([Drawn(self.reader.write([t], one, options.detokenise), s, s / n) for t, s, n in rows if n])
        return found
