"""Sentences of a corpus by their content: candidates for reranking, and the retrieve-only baseline.

MODEL/scorers/index.safetensors: what `ContentIndex.save` writes. Only the posterior means of z_c are compared, so that
a sentence of another style about the same things is near (retrieve-only: Li et al. 2018, sec. 3.3, "RETRIEVEONLY",
where words and their embeddings are compared).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.files import atomic_write
from textvae.inference.scorers import COMMAND, guarded
from textvae.inference.search import NEVER, top

QUERIES = 64
"""Sentences compared with the corpus at once: 25 MB of similarities for 100,000 sentences."""

FILE = "index.safetensors"
"""Its name inside the folder of the scorers."""


@dataclass(frozen=True)
class ContentIndex:
    """N sentences sorted by label; with several attributes a label is a combination of theirs.

    vectors: (N, D) unit vectors, z_c in the D directions that hold most of it; basis: (D, Zc) these directions.
    tokens: flat ids; offsets: (N + 1,) where each sentence begins; labels: (S + 1,) where each label begins.
    """

    vectors: Tensor
    basis: Tensor
    tokens: Tensor
    offsets: Tensor
    labels: Tensor

    @classmethod
    def build(
        cls, content: Tensor, sentences: Callable[[int], Sequence[int]], labels: Tensor, num_labels: int, size: int
    ) -> ContentIndex:
        """From z_c (N, Zc), the token ids of sentence i, and labels (N,); `size` directions (D) are kept.

        Of equal sentences of one label the first stays. Directions are the right singular vectors of z_c, not centred:
        of all D directions they keep scalar products best (Eckart & Young 1936).
        """
        seen: dict[tuple[int, tuple[int, ...]], int] = {}
        for row, label in enumerate(labels.tolist()):
            seen.setdefault((label, tuple(int(i) for i in sentences(row))), row)
        order = sorted(seen.items(), key=lambda item: (item[0][0], item[1]))
        rows = torch.tensor([row for _, row in order], dtype=torch.long)
        content = F.normalize(content.float(), dim=1)
        values, vectors = torch.linalg.eigh(content.T @ content)
        basis = vectors[:, values.argsort(descending=True)[:size]].T.contiguous()
        lengths = torch.tensor([0, *(len(ids) for (_, ids), _ in order)])
        counts = torch.bincount(labels[rows], minlength=num_labels) if len(rows) else torch.zeros(num_labels).long()
        return cls(
            F.normalize(content[rows] @ basis.T, dim=1),
            basis,
            torch.tensor([i for (_, ids), _ in order for i in ids], dtype=torch.int32),
            lengths.cumsum(0),
            F.pad(counts.cumsum(0), (1, 0)),
        )

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, content: Tensor, label: int, count: int) -> tuple[list[list[list[int]]], Tensor]:
        """The `count` sentences of a label nearest to each z_c (B, Zc): token ids, and cosines (B, count), falling.

        Exact search: half a millisecond a sentence on one core among 100,000. Fewer come back where the label has
        fewer.
        """
        first, last = int(self.labels[label]), int(self.labels[label + 1])
        count = min(count, last - first)
        if not count or not len(content):
            return [[] for _ in content], content.new_zeros(len(content), 0)
        queries = F.normalize(F.normalize(content.to(self.basis), dim=1) @ self.basis.T, dim=1)
        corpus = self.vectors[first:last].T
        found = [top(part @ corpus, count) for part in queries.split(QUERIES)]
        places = torch.cat([places for _, places in found]) + first
        return [[self.sentence(i) for i in row] for row in places.tolist()], torch.cat(
            [cosines for cosines, _ in found]
        )

    def nearest_of(self, content: Tensor, labels: Tensor, count: int) -> tuple[list[list[list[int]]], Tensor]:
        """`nearest`, of the label (B,) of each sentence; where one has fewer than others, its cosines end in -inf."""
        found: list[list[list[int]]] = [[] for _ in content]
        parts = []
        for label in labels.unique().tolist():
            rows = (labels == label).nonzero()[:, 0]
            sentences, cosines = self.nearest(content[rows], label, count)
            parts.append((rows, cosines))
            for row, sentence in zip(rows.tolist(), sentences, strict=True):
                found[row] = sentence
        table = self.basis.new_full((len(content), max((c.shape[1] for _, c in parts), default=0)), NEVER)
        for rows, cosines in parts:
            table[rows, : cosines.shape[1]] = cosines.to(table.dtype)
        return found, table

    def sentence(self, place: int) -> list[int]:
        """Token ids of a sentence, without special tokens."""
        ids: list[int] = self.tokens[int(self.offsets[place]) : int(self.offsets[place + 1])].tolist()
        return ids

    def to(self, device: torch.device) -> ContentIndex:
        """The same with what is compared on `device`."""
        moved = self.vectors.to(device), self.basis.to(device)
        return ContentIndex(*moved, self.tokens, self.offsets, self.labels)

    def save(self, folder: Path) -> int:
        """Write index.safetensors, vectors in 16 bits; returns its bytes."""
        tensors = {**vars(self), "vectors": self.vectors.half()}
        with atomic_write(folder / FILE, binary=True) as handle:
            return int(handle.write(save(tensors)))

    @classmethod
    def load(cls, folder: Path, content_size: int) -> ContentIndex:
        """Read what `save` wrote; UserError where it is missing, damaged, or of vectors of another width."""

        def read() -> ContentIndex:
            tensors = load_file(folder / FILE)
            index = cls(**{**tensors, "vectors": tensors["vectors"].float()})
            if index.basis.shape[1] != content_size:
                raise UserError(f"{folder / FILE} is of vectors of {index.basis.shape[1]}, not {content_size}")
            return index

        if not (folder / FILE).is_file():
            raise UserError(f"{folder / FILE} is not there; {COMMAND} makes the index that retrieval needs")
        return guarded(folder, read)
