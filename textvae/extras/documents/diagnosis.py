"""One look at a hierarchical VAE over a set of documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.data.batch import Collator
from textvae.data.loader import evaluation_batches
from textvae.data.tokenized import TokenizedCorpus
from textvae.extras.documents.hierarchical_vae import HierarchicalVAE
from textvae.extras.documents.objectives import (
    VARIANCE,
    document_cross_entropy,
    document_logits,
    document_means,
    kl_around,
    mean_prior,
)
from textvae.extras.documents.verification import halves, tf_idf, verification_error
from textvae.modules.noise import NoiseKey, mix

BATCH = 256


@dataclass(frozen=True)
class Sentences:
    """Documents to be looked at: tokenized, label = number of the document from 0, and the same sentences as text."""

    corpus: TokenizedCorpus
    texts: list[str]


@dataclass(frozen=True)
class Looked:
    """All sentences, in the corpus's order. sentence, document: (N, Z) posterior means of z1 and z2; means: (D, Z2)
    their μ2; row: (N,) the document; nll, kl_1, kl_2: (N,) nats."""

    sentence: Tensor
    document: Tensor
    means: Tensor
    row: Tensor
    nll: Tensor
    kl_1: Tensor
    kl_2: Tensor


@dataclass(frozen=True)
class DocumentDiagnosis:
    """What was found; the J in nats per sentence, μ2 inferred from the documents' own sentences.

    J_doc: against all documents looked at. eer_mu2, eer_mu1, eer_raw: equal error rates of verification from μ2, from
    the mean of z1, from tf-idf. within: mean squared distance of z̄2 from its μ2, in units of the prior's variance,
    per dimension (1 where z2 is as the prior has it).
    """

    documents: int
    sentences: int
    J_rec: float
    J_kl_1: float
    J_kl_2: float
    J_mu: float
    J_doc: float
    within: float
    eer_mu2: float
    eer_mu1: float
    eer_raw: float | None

    @property
    def bound(self) -> float:
        """−(log-likelihood's lower bound), nats per sentence."""
        return self.J_rec + self.J_kl_1 + self.J_kl_2 + self.J_mu

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "bound": self.bound}


@torch.inference_mode()
def look(model: HierarchicalVAE, corpus: TokenizedCorpus, collator: Collator) -> Looked:
    """Encode and decode every sentence once, with z1 and z2 drawn; every draw depends on its place in the corpus."""
    order, found = [], []
    for number, (indices, batch) in enumerate(evaluation_batches(corpus, collator, BATCH)):
        batch = batch.to(model.device)
        key = NoiseKey(mix(0, number), 0, len(batch))
        output = model(batch=type(batch)(**batch.tensors(), key=key))
        factors = output.factors
        order.append(torch.from_numpy(indices))
        found.append((output.token_nll.sum(1), factors.sentence, factors.document))
    back = torch.cat(order).argsort()

    def joined(parts: Iterator[Tensor]) -> Tensor:
        return torch.cat(list(parts)).float().cpu()[back]

    sentence, document = joined(f[1].mean for f in found), joined(f[2].mean for f in found)
    row = torch.from_numpy(np.array(corpus.labels))
    means = document_means(document, row, int(row.max()) + 1)
    log_var = joined(f[2].log_var for f in found)
    nll, kl_1 = joined(f[0] for f in found), joined(f[1].penalty for f in found)
    return Looked(sentence, document, means, row, nll, kl_1, kl_around(document, log_var, means[row]))


def diagnose(looked: Looked, texts: list[str], train: list[str] | None) -> DocumentDiagnosis:
    """The measures of what was seen; without training documents `train` (a text each) no raw features."""
    used = torch.ones(len(looked.means), dtype=torch.bool)
    count = torch.bincount(looked.row)[looked.row]
    logits = document_logits(looked.document, looked.means, used)
    half = torch.from_numpy(halves(looked.row.numpy()))
    squares = (looked.document - looked.means[looked.row]) ** 2
    return DocumentDiagnosis(
        documents=len(looked.means),
        sentences=len(looked.row),
        J_rec=float(looked.nll.mean()),
        J_kl_1=float(looked.kl_1.mean()),
        J_kl_2=float(looked.kl_2.mean()),
        J_mu=float(mean_prior(looked.means[looked.row], count).mean()),
        J_doc=float(document_cross_entropy(logits, looked.row).mean()),
        within=float(squares.mean() / VARIANCE),
        eer_mu2=verification_error(*both_halves(looked.document, looked.row, half, document_means)),
        eer_mu1=verification_error(*both_halves(looked.sentence, looked.row, half, averages)),
        eer_raw=None if train is None else verification_error(*tf_idf(train, *half_texts(texts, looked.row, half))),
    )


def averages(codes: Tensor, row: Tensor, rows: int) -> Tensor:
    """Mean of the codes (N, Z) of every document, (rows, Z)."""
    sums = codes.new_zeros(rows, codes.shape[1]).index_add_(0, row, codes)
    return sums / torch.bincount(row, minlength=rows).to(codes)[:, None]


def both_halves(
    codes: Tensor, row: Tensor, half: Tensor, summed: Callable[[Tensor, Tensor, int], Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """One vector for each half of every document, (D, Z) each."""
    rows = int(row.max()) + 1
    first, second = (summed(codes[half == h], row[half == h], rows).numpy() for h in (0, 1))
    return first, second


def half_texts(texts: list[str], row: Tensor, half: Tensor) -> tuple[list[str], list[str]]:
    """The same for texts: one joined text for each half of every document."""
    found: tuple[list[list[str]], ...] = tuple([[] for _ in range(int(row.max()) + 1)] for _ in (0, 1))
    for text, document, which in zip(texts, row.tolist(), half.tolist(), strict=True):
        found[which][document].append(text)
    first, second = ([" ".join(parts) for parts in side] for side in found)
    return first, second


def rows(found: DocumentDiagnosis) -> Iterator[tuple[str, str, str]]:
    """(measure, value, meaning)."""
    yield "EER from μ2", f"{100 * found.eer_mu2:.2f} %", "same document? cosine of the μ2 of two halves; 50 is chance"
    yield "EER from μ1", f"{100 * found.eer_mu1:.2f} %", "the same from the mean of z1, which should not tell"
    if found.eer_raw is not None:
        yield "EER from tf-idf", f"{100 * found.eer_raw:.2f} %", "the same from the words themselves"
    yield "bound", f"{found.bound:.2f}", "nats a sentence, J_rec + J_kl_1 + J_kl_2 + J_mu, μ2 inferred"
    yield "J_rec", f"{found.J_rec:.2f}", "−log p(x | z1, z2)"
    yield "J_kl_1", f"{found.J_kl_1:.2f}", "what z1 tells: KL to N(0, 1)"
    yield "J_kl_2", f"{found.J_kl_2:.2f}", "what z2 tells beyond its document: KL to N(μ2, .25)"
    yield "J_mu", f"{found.J_mu:.2f}", "−log p(μ2) / n"
    yield (
        "J_doc",
        f"{found.J_doc:.2f}",
        f"−log p(document | z2) among {found.documents} (chance {np.log(found.documents):.2f})",
    )
    yield "within", f"{found.within:.2f}", "spread of z2 within a document, of the .25 that the prior has"
