"""The reconstructor as a reader: how well it restores documents from summaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from textvae.data.unpaired.batch import Sequences
from textvae.data.unpaired.slots import SlotVocabulary
from textvae.modules.seq2seq import Seq2Seq

BATCH = 128


@dataclass(frozen=True)
class Reconstruction:
    """nll(summaries, documents) → (N,) nats per word of each document, `</s>` included, for prepared strings.

    A summary shares its document's slots, so that names can be copied back. Texts are cut to the sizes of the model.
    """

    network: Seq2Seq
    vocabulary: SlotVocabulary
    max_document: int
    max_summary: int

    @torch.inference_mode()
    def __call__(self, summaries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
        targets = self.vocabulary.encode(documents)
        sources = self.vocabulary.encode(summaries, [t.words for t in targets])
        found = np.zeros(len(targets))
        order = sorted(range(len(targets)), key=lambda i: len(targets[i].ids))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found[rows] = self.batch(
                [sources[i].ids[: self.max_summary] for i in rows], [targets[i].ids[: self.max_document] for i in rows]
            )
        return found

    def batch(self, sources: list[list[int]], targets: list[list[int]]) -> np.ndarray:
        """Nats per word of one batch."""
        device = self.network.embedding.weight.device
        source, target = Sequences.of(sources).to(device), Sequences.of(targets).to(device)
        nll, _ = self.network(source.ids, source.mask, target.decoder_input_ids, target.labels, target.lengths)
        return (nll.sum(1) / target.mask.sum(1)).float().cpu().numpy()
