"""The scorers of reranking learn from a run's training sentences: a style guide and a language model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.data.batch import Batch, Collator
from textvae.data.loader import BatchLoader, evaluation_batches
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
from textvae.inference.loading import autocast
from textvae.modules.attributes import LabelGroups, Sizes, columns
from textvae.modules.config import LanguageModelConfig, StyleGuideConfig
from textvae.modules.language_model import RecurrentLanguageModel
from textvae.modules.style_guide import StyleGuide

CLIP = 5.0
"""Norm that gradients are cut to."""


@dataclass(frozen=True)
class ScorerTraining:
    """Sizes and schedule. On Yelp (167,000 sentences) about two minutes on one core."""

    guide: StyleGuideConfig = field(default_factory=lambda: StyleGuideConfig(embedding_size=32))
    """Size of the classifier; narrow words, since it is handed on with the model."""
    language_model: LanguageModelConfig = field(
        default_factory=lambda: LanguageModelConfig(embedding_size=48, size=128, dropout=0.1, output="adaptive")
    )
    """Size of the language model; small, since it reads every candidate and is handed on too."""
    epochs: int = 2
    """Passes over the training sentences."""
    batch_size: int = 256
    """Sentences of a step."""
    learning_rate: float = 3e-3
    """Adam's, falling to 0 in a line."""
    seed: int = 1000
    """Of weights and batches; not the seed of any judge, so that two classifiers do not err alike."""

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size) < 1 or self.learning_rate <= 0:
            raise UserError("scorers: epochs and batch_size are at least 1, the learning rate is above 0")


def fit_guide(train: TokenizedCorpus, collator: Collator, classes: Sizes, settings: ScorerTraining) -> StyleGuide:
    """A classifier of sentences; every label has the same weight in its loss, however often it occurs.

    With several attributes the loss is the sum of theirs.
    """
    groups = LabelGroups.of(classes)
    found = zip(columns(torch.tensor(train.labels)), groups.sizes, strict=True)
    weights = [balance(labels, size) for labels, size in found]

    def loss(guide: nn.Module, batch: Batch) -> Tensor:
        logits = groups.split(guide(batch.input_ids, batch.attention_mask).float())
        parts = zip(logits, columns(batch.style), weights, strict=True)
        losses = [F.cross_entropy(x, labels, weight) for x, labels, weight in parts]
        return sum(losses[1:], losses[0])

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        guide = StyleGuide(settings.guide, len(collator.content_ids), classes)
        return fit(guide, loss, train, collator, settings)


def balance(labels: Tensor, classes: int) -> Tensor:
    """Weights (K,) by which K labels count alike, their mean over sentences being 1."""
    counts = torch.bincount(labels, minlength=classes).float()
    return counts.sum() / (classes * counts.clamp(min=1))


def fit_language_model(train: TokenizedCorpus, collator: Collator, settings: ScorerTraining) -> RecurrentLanguageModel:
    """A language model of all sentences, whatever their label."""

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        return model(batch.decoder_input_ids, batch.labels).sum() / batch.num_tokens

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = RecurrentLanguageModel(settings.language_model, len(collator.content_ids))
        return fit(model, loss, train, collator, settings)


Loss = Callable[[nn.Module, Batch], Tensor]
Network = TypeVar("Network", bound=nn.Module)


def fit(network: Network, loss: Loss, train: TokenizedCorpus, collator: Collator, settings: ScorerTraining) -> Network:
    """Adam with a rate that falls to 0; returns the network in eval mode."""
    loader = BatchLoader(train, collator, settings.batch_size, settings.seed)
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)
    steps = settings.epochs * loader.steps_per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (steps + 1))
    network.train()
    for epoch in range(settings.epochs):
        for batch in loader.epoch(epoch):
            with autocast(torch.device("cpu"), "auto"):
                value = loss(network, batch)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.inference_mode()
def guide_accuracy(guide: StyleGuide, corpus: TokenizedCorpus, collator: Collator) -> tuple[float, ...]:
    """Share of sentences whose label it finds, 0-1, of each attribute."""
    hits = np.zeros(len(guide.groups), np.int64)
    for _, batch in evaluation_batches(corpus, collator, 512):
        found = guide.groups.likeliest(guide(batch.input_ids, batch.attention_mask))
        hits += (found == torch.stack(columns(batch.style), dim=1)).sum(0).numpy()
    return tuple((hits / len(corpus)).tolist())


@torch.inference_mode()
def perplexity(model: RecurrentLanguageModel, corpus: TokenizedCorpus, collator: Collator) -> float:
    """exp of the mean −log p per token, `</s>` included."""
    nats, tokens = 0.0, 0
    for _, batch in evaluation_batches(corpus, collator, 512):
        nats += float(model(batch.decoder_input_ids, batch.labels).sum())
        tokens += batch.num_tokens
    return float(torch.tensor(nats / tokens).exp())
