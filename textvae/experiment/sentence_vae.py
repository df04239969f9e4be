"""A sentence autoencoder put together from its configuration, and looked at when it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from textvae.config.sentence_vae import SentenceExperimentConfig
from textvae.data.loader import BatchLoader
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.evaluation.diagnostics.diagnosis import Diagnosis, diagnose
from textvae.evaluation.diagnostics.report import DiagnosticsValidator
from textvae.experiment.assembly import Assembled
from textvae.experiment.common import described, rows_of, saver
from textvae.experiment.latents import every_so_often
from textvae.experiment.preparation import PreparedSentences, max_length, prepare_sentences
from textvae.experiment.runs import checked
from textvae.experiment.start import begin_with
from textvae.inference.loading import find_device, load
from textvae.models.pretrained import describe, load_weights
from textvae.models.sentence_configuration import saved_config
from textvae.models.sentence_vae import SentenceVAE
from textvae.sentence_card import SentenceFacts, sentence_card
from textvae.training.progress import Reporter
from textvae.training.sentence_vae import SentenceRecipe

Split = Literal["dev", "test"]


def build_model(config: SentenceExperimentConfig, prepared: PreparedSentences) -> SentenceVAE:
    """The model with the seed's initial weights."""
    set_seed(config.training.seed)
    shape = saved_config(describe(config.model), len(prepared.tokenizer), prepared.corpus.labels, max_length(config))
    model = SentenceVAE(shape)
    load_weights(model, prepared.tokenizer)
    return model


def sentences_of(
    config: SentenceExperimentConfig, prepared: PreparedSentences, split: Split, limit: int
) -> TokenizedCorpus:
    """At most `limit` sentences of a split as ids, evenly spaced, cut to the model's longest."""
    texts = getattr(prepared.corpus, split)
    if texts is None:
        raise UserError(f"the data of {config.run} have no {split} split; choose --split dev")
    ids = [found[: max_length(config) - 2] for found in prepared.encode(list(texts["text"]))]
    rows = [(found, label) for found, label in zip(ids, texts["label"], strict=True) if found]
    return every_so_often(TokenizedCorpus.from_lists([r[0] for r in rows], [r[1] for r in rows]), limit)


def assemble(
    config: SentenceExperimentConfig, prepared: PreparedSentences, accelerator: Accelerator, reporter: Reporter
) -> Assembled:
    """Network, recipe, batches and validation."""
    model = build_model(config, prepared)
    recipe = SentenceRecipe(model, config.objectives, config.adversarial)
    if config.start:
        begin_with(recipe, Path(config.start), "model", reporter.message)
    weights = config.objectives
    validator = DiagnosticsValidator(
        config.selection,
        sentences_of(config, prepared, "dev", config.selection.max_sentences),
        prepared.collator(NoiseConfig()),
        (weights.J_rec.weight, weights.J_kl.weight, weights.J_bow.weight),
        reporter.message,
    )

    def card(step: int, metrics: dict[str, float]) -> str:
        return sentence_card(SentenceFacts(*networks(config), **described(config, prepared, model, step, metrics)))

    loader = BatchLoader(*rows_of(config, prepared, accelerator))
    size = f"vocabulary {len(prepared.tokenizer)}, {len(prepared.train)} sentences"
    return Assembled(model, recipe, loader, lambda step: validator(model, step), saver(model, card), size)


def networks(config: SentenceExperimentConfig) -> tuple[str, str]:
    """Networks and latent in words, for the card."""
    shape = config.model
    latent = f"{shape.latent.kind}, {shape.latent.size} numbers"
    return f"{shape.encoder.title} encoder, {shape.decoder.title} decoder", latent


@dataclass(frozen=True)
class FinishedSentenceVAE:
    """A run to be looked at: its data and its best model, each opened once."""

    config: SentenceExperimentConfig
    folder: Path

    @cached_property
    def prepared(self) -> PreparedSentences:
        """Data and tokenizer; UserError if the data are not those it was trained on."""
        return checked(prepare_sentences(self.config, self.folder), self.folder)

    @cached_property
    def model(self) -> SentenceVAE:
        """The best model."""
        device: torch.device = find_device(None)
        return load(self.folder, device, SentenceVAE).model

    def diagnose(self, split: Split, config: DiagnosticsConfig) -> Diagnosis:
        """How its latent is used, on sentences of a split."""
        sentences = sentences_of(self.config, self.prepared, split, config.max_sentences)
        return diagnose(self.model, sentences, self.prepared.collator(NoiseConfig()), config)
