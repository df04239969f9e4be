"""Posterior means of a whole corpus, and what is set from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from textvae.data.loader import evaluation_batches
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus, evenly_spaced
from textvae.experiment.preparation import Prepared
from textvae.models.style_content_vae import StyleContentVAE


@dataclass(frozen=True)
class Means:
    """Posterior means of N sentences in the corpus's order: style (N, Zs), content (N, Zc), and the latter unerased."""

    style: np.ndarray
    content: np.ndarray
    unerased: np.ndarray


@torch.inference_mode()
def posterior_means(model: StyleContentVAE, prepared: Prepared, corpus: TokenizedCorpus) -> Means:
    """Means of both spaces for every sentence."""
    sizes = (model.style_latent.size, model.content_latent.size, model.content_latent.size)
    means = Means(*(np.zeros((len(corpus), size), dtype=np.float32) for size in sizes))
    for indices, batch in evaluation_batches(corpus, prepared.collator(NoiseConfig()), 512):
        batch = batch.to(model.device)
        latents = model.encode(batch.input_ids, batch.attention_mask)
        means.style[indices] = latents.style.mean.float().cpu().numpy()
        means.content[indices] = latents.content.mean.float().cpu().numpy()
        means.unerased[indices] = latents.content.unerased.float().cpu().numpy()
    return means


def every_so_often(corpus: TokenizedCorpus, limit: int) -> TokenizedCorpus:
    """At most `limit` sentences, evenly spaced."""
    rows = evenly_spaced(len(corpus), limit)
    return TokenizedCorpus.from_lists([corpus.sentence(int(i)).tolist() for i in rows], corpus.labels[rows].tolist())


def calibrate(model: StyleContentVAE, prepared: Prepared, limit: int = 20_000) -> None:
    """Set the mean style vectors and the erasure of z_c from the means of up to `limit` training sentences."""
    sample = every_so_often(prepared.train, limit)
    means = posterior_means(model, prepared, sample)
    labels = torch.from_numpy(np.asarray(sample.labels)).to(model.device)
    blocks = torch.from_numpy(means.style).to(model.device).unflatten(1, (len(model.groups), -1)).flatten(0, 1)
    rows = model.groups.rows(labels).flatten()  # of each sentence and attribute, as the blocks
    sums = torch.zeros(model.num_styles, blocks.shape[1], device=model.device).index_add_(0, rows, blocks)
    model.set_style_means(sums, torch.bincount(rows, minlength=model.num_styles))
    model.fit_eraser(torch.from_numpy(means.unerased).to(model.device), labels)
