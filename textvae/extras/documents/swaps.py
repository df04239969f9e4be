"""z2 of one document with z1 of another, decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.data.tokenized import TokenizedCorpus
from textvae.extras.documents.diagnosis import Looked
from textvae.extras.documents.hierarchical_vae import HierarchicalVAE
from textvae.inference.config import DecodingConfig
from textvae.inference.decoding import decode
from textvae.inference.pieces import pad
from textvae.tokenization.config import SPECIAL

MEASURED = 200
"""Sentences of which the share that moved is measured."""


def swap(
    model: HierarchicalVAE,
    looked: Looked,
    corpus: TokenizedCorpus,
    texts: list[str],
    write: Callable[[Sequence[Sequence[int]]], list[str]],
    samples: int,
) -> dict[str, Any]:
    """Sentences of one document a written with μ2 of another, b: z2 − μ2_a + μ2_b beside the sentence's own z1.

    moved: share of the sentences written so whose own z2 lies nearer to μ2_b than to μ2_a, and `kept` the share
    nearer to μ2_a among the same sentences written with their own z2. samples: what was written, the documents' first
    sentences beside it.
    """
    first = np.unique(corpus.labels, return_index=True)[1]
    order = np.random.default_rng(0).permutation(len(first))
    own, other = order[:MEASURED], np.roll(order, 1)[:MEASURED]
    rows = torch.from_numpy(first[own])
    a, b = looked.means[own], looked.means[other]
    plain = written(model, looked.sentence[rows], looked.document[rows])
    swapped = written(model, looked.sentence[rows], looked.document[rows] - a + b)
    shares = {"moved": nearer(model, swapped, b, a), "kept": nearer(model, plain, a, b)}
    plain_texts, swapped_texts = write(plain[:samples]), write(swapped[:samples])
    return {
        **shares,
        "measured": len(own),
        "samples": [
            {
                "sentence": texts[int(rows[i])],
                "reconstructed": plain_texts[i],
                "with_z2_of": texts[int(first[other[i]])],
                "written": swapped_texts[i],
            }
            for i in range(min(samples, len(own)))
        ],
    }


@torch.inference_mode()
def written(model: HierarchicalVAE, sentence: Tensor, document: Tensor) -> list[list[int]]:
    """Greedily decoded ids without `</s>`; of every sentence at least one."""
    memory = model.memory(sentence.to(model.device), document.to(model.device))
    longest = model.config.max_length - 2
    config = DecodingConfig(max_length=longest)
    found = decode(model.decoder, model.output, model.target_embedding, memory, config, scored=False)
    lengths = (found.lengths[:, 0] - (found.tokens[:, 0] == SPECIAL.eos).any(1).long()).clamp(min=1)
    return [ids[:n] for ids, n in zip(found.tokens[:, 0].tolist(), lengths.tolist(), strict=True)]


@torch.inference_mode()
def nearer(model: HierarchicalVAE, ids: list[list[int]], wanted: Tensor, other: Tensor) -> float:
    """Share of sentences whose z̄2 is nearer to `wanted` (N, Z2) than to `other` (N, Z2)."""
    read = pad(ids).to(model.device)
    codes = model.encode_document(read, read != SPECIAL.pad).float().cpu()
    return float(((codes - wanted).norm(dim=1) < (codes - other).norm(dim=1)).float().mean())
