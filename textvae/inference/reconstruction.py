"""How much of a document its summary tells: the reconstructor's log p(document | summary)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from textvae.inference.pieces import pad
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.modules.noise import shifted
from textvae.tokenization.config import SPECIAL

Ids = tuple[int, ...]


@torch.inference_mode()
def reconstruction(model: Seq2Seq2Seq, pairs: Sequence[tuple[Ids, Ids]], batch_size: int) -> list[float]:
    """log p(x | y) in nats per token of x for pairs of document x and summary y, ids without `</s>`.

    The generator asks which summary is likely for the document, this which document is likely for the summary: the two
    sides of seq2seq2seq (Wang & Lee 2018, eq. 1). A batch costs one pass of the reconstructor over the documents.
    """
    found = [0.0] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda i: (len(pairs[i][0]), len(pairs[i][1])))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        documents, summaries = (pad([pairs[i][side] for i in rows]).to(model.device) for side in (0, 1))
        mask = documents != SPECIAL.pad
        labels, lengths = documents.masked_fill(~mask, -100), mask.sum(1) - 1
        nll, _ = model.reconstructor(summaries, summaries != SPECIAL.pad, shifted(documents), labels, lengths)
        for i, value in zip(rows, (-nll.sum(1) / mask.sum(1)).tolist(), strict=True):
            found[i] = value
    return found
