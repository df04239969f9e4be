"""One look at the latent space of a sentence autoencoder, over a set of sentences."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.data.batch import Batch, Collator
from textvae.data.loader import evaluation_batches
from textvae.data.tokenized import TokenizedCorpus
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.evaluation.diagnostics.measures import (
    active_units,
    code_use,
    importance_weighted_nll,
    log_aggregate,
    mutual_information,
    position_gain,
)
from textvae.evaluation.probes import probe
from textvae.models.sentence_vae import SentenceVAE
from textvae.modules.latents import LatentOutput
from textvae.modules.latents.base import normal_log_prob
from textvae.modules.noise import NoiseKey, mix
from textvae.objectives.sentence_vae import bag_of_words

BATCH = 256
PRIOR = 1 << 20
"""Number, among the draws of a batch, of the one from the prior."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found, in nats per sentence unless said otherwise; None where a latent has no such thing.

    distortion: −log p(x | z), z ~ q. rate: KL(q ‖ p), or −log p(codes). penalty: what J_kl weighs. cost: what the
    model is compared by. nll: importance-weighted with `samples` draws; perplexity: per word. mutual_information: at
    most log(sentences). gain: nats per word over z ~ p; gains: at each position. swapped: nats per word over the z of
    another sentence, 0 where z is ignored. probe: accuracy of a linear reader
    of the label from the means, by half of the sentences about the other.
    """

    sentences: int
    words: int
    samples: int
    size: int
    distortion: float
    penalty: float
    cost: float
    bag: float | None
    rate: float | None
    nll: float | None
    perplexity: float | None
    mutual_information: float | None
    active_units: int | None
    codebook: int | None
    code_perplexity: float | None
    codes_used: int | None
    gain: float
    gains: list[float]
    swapped: float
    probe: float | None
    majority: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def numbers(self) -> dict[str, float]:
        """Every single number there is, for logs."""
        return {n: float(v) for n, v in vars(self).items() if isinstance(v, (int, float)) and n not in FIXED}


FIXED = ("sentences", "words", "samples", "size", "codebook")
"""Numbers that do not change during a training."""


@dataclass
class Looked:
    """What one pass over the sentences gathers, each list a batch long."""

    with_z: list[Tensor] = field(default_factory=list)
    without: list[Tensor] = field(default_factory=list)
    swapped: list[Tensor] = field(default_factory=list)
    valid: list[Tensor] = field(default_factory=list)
    bag: list[Tensor] = field(default_factory=list)
    nll: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)
    latents: list[LatentOutput] = field(default_factory=list)

    def joined(self, name: str) -> Tensor | None:
        """One field of all latents (N, ...), None where the latent has none."""
        parts = [getattr(latent, name) for latent in self.latents]
        return None if parts[0] is None else torch.cat(parts).float() if name != "codes" else torch.cat(parts)


@torch.inference_mode()
def diagnose(
    model: SentenceVAE,
    corpus: TokenizedCorpus,
    collator: Collator,
    config: DiagnosticsConfig,
) -> Diagnosis:
    """Look at a model in eval mode; every draw is a function of the seed and the place in the corpus."""
    looked = Looked()
    for number, (_, batch) in enumerate(evaluation_batches(corpus, collator, BATCH)):
        look(model, batch.to(model.device), NoiseKey(mix(config.seed, number), 0, len(batch)), config.samples, looked)
    return summarise(model, looked, config)


def look(model: SentenceVAE, batch: Batch, key: NoiseKey, samples: int, looked: Looked) -> None:
    """One batch: its posterior, its words with z from there and from the prior, its importance weights."""
    latent = model.encode(batch.input_ids, batch.attention_mask, batch.style, True, key)
    with_z = model.nll(latent.value, batch)
    prior = model.latent.sample_prior(batch.style, NoiseKey(mix(key.seed, PRIOR), 0, len(batch)))
    looked.latents.append(latent)
    looked.values.append(latent.value)
    looked.labels.append(batch.style)
    looked.with_z.append(with_z)
    looked.without.append(model.nll(prior.to(with_z.dtype), batch))
    looked.swapped.append(model.nll(latent.value.roll((len(batch) + 1) // 2, 0), batch))
    looked.valid.append(batch.labels >= 0)
    if model.bag_head is not None:
        looked.bag.append(bag_of_words(model.bag_head(latent.value), batch.labels))
    if model.latent.log_ratio(latent, latent.value, batch.style) is not None:
        looked.nll.append(importance_weighted_nll(log_weights(model, batch, latent, key, samples)))


def log_weights(model: SentenceVAE, batch: Batch, latent: LatentOutput, key: NoiseKey, samples: int) -> Tensor:
    """log p(x | z_k) + log p(z_k) − log q(z_k | x), (K, B): K draws, or one where every draw is the same."""
    found = []
    for number in range(samples if latent.log_var is not None else 1):
        z = model.latent.draw(latent, NoiseKey(mix(key.seed, number), 0, len(batch)))
        ratio = model.latent.log_ratio(latent, z, batch.style)
        assert ratio is not None
        found.append(ratio - model.nll(z, batch).sum(1))
    return torch.stack(found)


def summarise(model: SentenceVAE, looked: Looked, config: DiagnosticsConfig) -> Diagnosis:
    """The measures of what was gathered."""
    latent, labels = model.latent, torch.cat(looked.labels)
    parts = (looked.with_z, looked.without, looked.swapped, looked.valid)
    with_z, without, swapped, valid = (padded(part) for part in parts)
    words, means = int(valid.sum()), looked.joined("mean")
    assert means is not None
    log_vars, codes = looked.joined("log_var"), looked.joined("codes")
    nll = float(torch.cat(looked.nll).mean()) if looked.nll else None
    use = None if codes is None else code_use(codes, latent.codebook_size)
    read = read_labels(means, labels)
    return Diagnosis(
        sentences=len(labels),
        words=words,
        samples=config.samples if log_vars is not None else 1,
        size=latent.size,
        distortion=float(with_z.sum() / len(labels)),
        penalty=float(torch.cat([part.penalty for part in looked.latents]).mean()),
        cost=float(torch.cat([latent.cost(part) for part in looked.latents]).mean()),
        bag=float(torch.cat(looked.bag).mean()) if looked.bag else None,
        rate=None if nll is None else float(torch.cat([part.penalty_units.sum(1) for part in looked.latents]).mean()),
        nll=nll,
        perplexity=None if nll is None else math.exp(nll * len(labels) / words),
        mutual_information=None if log_vars is None else information(looked, means, log_vars),
        active_units=None if codes is not None else active_units(means, config.active_variance),
        codebook=None if codes is None else latent.codebook_size,
        code_perplexity=None if use is None else use[0],
        codes_used=None if use is None else use[1],
        gain=float((without - with_z).sum() / words),
        gains=position_gain(with_z, without, valid, config.positions),
        swapped=float((swapped - with_z).sum() / words),
        probe=None if read is None else read[0],
        majority=None if read is None else read[1],
    )


def padded(parts: list[Tensor]) -> Tensor:
    """Batches (B, L) of different L as one (N, L), zero where a batch is shorter."""
    longest = max(part.shape[1] for part in parts)
    return torch.cat([torch.nn.functional.pad(part, (0, longest - part.shape[1])) for part in parts])


def information(looked: Looked, means: Tensor, log_vars: Tensor) -> float:
    """I_q(x; z) at the draws that were decoded."""
    z = torch.cat(looked.values).float()
    return mutual_information(normal_log_prob(z, means, log_vars), log_aggregate(z, means, log_vars))


def read_labels(means: Tensor, labels: Tensor) -> tuple[float, float] | None:
    """Accuracy of a linear reader of the label, and of the most frequent label; None without labels to read."""
    x, y = means.cpu().numpy(), labels.cpu().numpy()
    order = np.random.default_rng(0).permutation(len(y))  # batches stand by length
    half, other = order[::2], order[1::2]
    if len(np.unique(y[half])) < 2 or not len(other):
        return None
    found = probe(x[half], y[half], x[other], y[other])
    return found.accuracy, found.majority
