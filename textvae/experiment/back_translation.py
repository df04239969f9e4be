"""Transfers of a run's training sentences by its reranked model, for another training to translate back (iterative
back-translation, Hoang et al. 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from textvae.data.stored import StoredTransfer
from textvae.errors import UserError
from textvae.experiment.evaluation import FinishedRun
from textvae.inference.pieces import pad

BLOCK = 2048
"""Sentences that are rewritten together; a command that is stopped loses no more."""


@dataclass(frozen=True)
class BackTranslationSettings:
    """Which sentences are rewritten, and which rewritings are kept.

    sentences: at most so many, drawn at random; None for all. certainty: the guide's probability of the label that is
    to change which a sentence must have: what tells no style is no example of how to write it. fluency_loss: nats a
    token by which a rewriting may be less likely than its sentence under the language model of the scorers.
    """

    sentences: int | None = None
    certainty: float = 0.97
    fluency_loss: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sentences is not None and self.sentences < 1:
            raise UserError(f"--sentences must be at least 1, not {self.sentences}")
        if not 0 <= self.certainty < 1:
            raise UserError(f"--certainty is a probability below 1, not {self.certainty}")
        if self.fluency_loss < 0:
            raise UserError(f"--fluency-loss must not be negative, but is {self.fluency_loss}")


class Block(NamedTuple):
    """Transfers of a block, and why others are not among them."""

    rows: list[StoredTransfer]
    uncertain: int
    unchanged: int
    clumsy: int


class Known(NamedTuple):
    """What the scorers say of N sentences: log p of all labels (N, S), log p per token (N,), in nats."""

    labels: Tensor
    fluency: Tensor


@dataclass(frozen=True)
class BackTranslation:
    """Rewrites the training sentences of a run, each into one other label of one attribute, both drawn at random."""

    run: FinishedRun
    settings: BackTranslationSettings

    @cached_property
    def order(self) -> np.ndarray:
        """Rows of the training part in the order in which they are rewritten."""
        rng = np.random.default_rng(self.settings.seed)
        return rng.permutation(len(self.run.prepared.corpus.train))[: self.settings.sentences]

    @property
    def blocks(self) -> int:
        """How many there are."""
        return -(-len(self.order) // BLOCK)

    @property
    def origin(self) -> dict[str, Any]:
        """What decides the rows."""
        prepared, settings = self.run.prepared, self.settings
        weights = self.run.transfer.scorers.reranking
        return {"data": prepared.fingerprint, "run": str(self.run.folder), "reranking": str(weights), **vars(settings)}

    def __call__(self, first: int = 0) -> Iterator[Block]:
        """Blocks from number `first` on."""
        for number in range(first, self.blocks):
            yield self.block(number)

    def block(self, number: int) -> Block:
        """One block: the certain of its sentences, rewritten, and of these what is no worse a sentence."""
        rows = self.order[number * BLOCK : (number + 1) * BLOCK].tolist()
        part = self.run.prepared.corpus.train[rows]
        texts, labels = part["text"], np.array(part["label"]).reshape(len(rows), -1)
        attribute, target = self.wanted(labels, number)
        before = self.known(texts)
        certain = np.flatnonzero(self.certain(before, labels, attribute))
        written = self.rewritten(texts, certain, attribute, target)
        changed = [place for place in certain.tolist() if written[place] not in ("", texts[place])]
        after = self.known([written[place] for place in changed])
        fluent = (after.fluency >= before.fluency[changed] - self.settings.fluency_loss).tolist()
        kept = [place for place, good in zip(changed, fluent, strict=True) if good]
        return Block(
            [StoredTransfer(tuple(labels[place].tolist()), texts[place], written[place]) for place in kept],
            len(rows) - len(certain),
            len(certain) - len(changed),
            len(changed) - len(kept),
        )

    def wanted(self, labels: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(N,) the attribute that changes in each sentence with labels (N, A), and its new label."""
        sizes = np.array(self.run.transfer.attributes.sizes)
        rng = np.random.default_rng((self.settings.seed, number))
        attribute = rng.integers(0, len(sizes), len(labels))
        old = labels[np.arange(len(labels)), attribute]
        return attribute, (old + rng.integers(1, sizes[attribute])) % sizes[attribute]

    def certain(self, known: Known, labels: np.ndarray, attribute: np.ndarray) -> np.ndarray:
        """(N,) whether the guide is sure of the label that is to change."""
        offsets = np.array(self.run.transfer.model.groups.offsets)
        own = torch.from_numpy(offsets[attribute] + labels[np.arange(len(labels)), attribute])
        return (known.labels.gather(1, own[:, None])[:, 0].exp() >= self.settings.certainty).numpy()

    def rewritten(
        self, texts: list[str], places: np.ndarray, attribute: np.ndarray, target: np.ndarray
    ) -> dict[int, str]:
        """{place: rewriting} of some texts, those of one target together."""
        transfer = self.run.transfer
        found: dict[int, str] = {}
        for a, label in sorted({(int(attribute[p]), int(target[p])) for p in places}):
            chosen = [int(p) for p in places if (attribute[p], target[p]) == (a, label)]
            wanted = {transfer.attributes.names[a]: transfer.attributes.labels[a][label]}
            lines = [texts[place] for place in chosen]
            options = {"rerank": True, "contract": False, "detokenise": False}  # a copy would teach nothing
            found |= dict(zip(chosen, transfer(lines, target=wanted, **options), strict=True))
        return found

    @torch.inference_mode()
    def known(self, texts: list[str]) -> Known:
        """What the scorers say of prepared texts."""
        transfer, scorers = self.run.transfer, self.run.transfer.scorers
        device, labels = transfer.model.device, sum(transfer.attributes.sizes)
        found = [Known(torch.zeros(0, labels), torch.zeros(0))]
        for begin in range(0, len(texts), 256):
            ids = pad(self.run.prepared.encode(texts[begin : begin + 256]), transfer.ids).to(device)
            mask = ids != transfer.ids.pad
            found.append(Known(scorers.style(ids, mask).float().cpu(), scorers.fluency(ids, mask).float().cpu()))
        return Known(*(torch.cat(column) for column in zip(*found, strict=True)))
