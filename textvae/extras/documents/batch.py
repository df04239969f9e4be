"""One batch of sentences that know their documents."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from textvae.data.batch import Batch


@dataclass(frozen=True, kw_only=True)
class DocumentBatch(Batch):
    """`Batch`, whose `style` is the number of the sentence's document, and where its mean stands in the table.

    row: (B,) row of the table. count: (B,) sentences of the document, n. block: (B,) the one number of the block of
    documents whose means the table must hold (see `textvae.extras.documents.loader`).
    """

    row: Tensor
    count: Tensor
    block: Tensor
