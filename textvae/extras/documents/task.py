"""A hierarchical VAE put together from its configuration, and looked at when it is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from accelerate.utils import set_seed

from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus, evenly_spaced
from textvae.errors import UserError
from textvae.experiment.assembly import Assembled
from textvae.experiment.common import described, rows_of, saver
from textvae.experiment.preparation import PreparedSentences, max_length, tokenized
from textvae.experiment.runs import cache_folder, checked
from textvae.experiment.sentence_vae import Split
from textvae.experiment.start import begin_with
from textvae.extras.documents.config import DocumentExperimentConfig, DocumentsConfig, hierarchical_config
from textvae.extras.documents.corpus import load_documents
from textvae.extras.documents.diagnosis import DocumentDiagnosis, Sentences, diagnose, look
from textvae.extras.documents.hierarchical_vae import HierarchicalVAE
from textvae.extras.documents.loader import DocumentLoader
from textvae.extras.documents.recipe import HierarchicalRecipe
from textvae.extras.documents.swaps import swap
from textvae.extras.documents.validation import DocumentValidator
from textvae.inference.loading import Loaded, find_device, load
from textvae.inference.pieces import LineReader
from textvae.sentence_card import SentenceFacts, sentence_card
from textvae.training.progress import Reporter

ABOUT = {
    "title": "Hierarchical autoencoder of documents",
    "about": "A factorised hierarchical VAE ([Hsu et al. 2017](https://arxiv.org/abs/1709.07902)) over the sentences "
    "of documents, trained with textvae: z2 holds what the sentences of a document share, z1 the rest.",
    "module": "textvae.extras.documents.hierarchical_vae",
}
"""What its card says of it."""


@dataclass(frozen=True)
class PreparedDocuments(PreparedSentences):
    """The same of documents: the label of a sentence is the number of its document in the split."""

    def facts(self) -> dict[str, Any]:
        splits = self.corpus.report.splits
        return {**super().facts(), "documents": {name: split.references for name, split in splits.items()}}


def prepare_documents(config: DocumentExperimentConfig, folder: Path) -> PreparedDocuments:
    """The same for documents."""
    corpus = load_documents(config.data, config.text, cache_folder(config))
    return PreparedDocuments(corpus, *tokenized(config, corpus, folder))


def build_model(config: DocumentExperimentConfig, prepared: PreparedDocuments) -> HierarchicalVAE:
    """The model with the seed's initial weights."""
    set_seed(config.training.seed)
    return HierarchicalVAE(hierarchical_config(config.model, len(prepared.tokenizer), max_length(config)))


def documents_of(config: DocumentExperimentConfig, prepared: PreparedDocuments, split: Split, limit: int) -> Sentences:
    """At most `limit` documents of a split with at least two sentences, evenly spaced, numbered from 0."""
    dataset = getattr(prepared.corpus, split)
    if dataset is None:
        raise UserError(f"the data of {config.run} have no {split} split; choose --split dev")
    texts, labels = list(dataset["text"]), np.asarray(dataset["label"], dtype=np.int64)
    ids = [found[: max_length(config) - 2] for found in prepared.encode(texts)]
    filled = np.array([len(found) > 0 for found in ids], dtype=bool)
    counts = np.bincount(labels[filled], minlength=1)
    enough = np.flatnonzero(counts >= 2)
    if len(enough) < 2:
        raise UserError(
            f"{split} has {len(enough)} documents of two sentences or more; verification needs at least two"
        )
    chosen = enough[evenly_spaced(len(enough), limit)]
    rows = np.flatnonzero(filled & np.isin(labels, chosen))
    numbers = np.searchsorted(chosen, labels[rows])
    corpus = TokenizedCorpus.from_lists([ids[i] for i in rows], numbers.tolist())
    return Sentences(corpus, [texts[i] for i in rows])


def assemble(
    config: DocumentExperimentConfig, prepared: PreparedDocuments, accelerator: Accelerator, reporter: Reporter
) -> Assembled:
    """Network, recipe, batches and validation."""
    model = build_model(config, prepared)
    loader = DocumentLoader(*rows_of(config, prepared, accelerator), config.table.documents)
    if len(loader.documents) < 2:
        raise UserError("train has a single document, and nothing to tell it from; put blank lines between documents")
    recipe = HierarchicalRecipe(model, config.objectives, loader.rows, loader.reading, config.table.learning_rate)
    if config.start:
        begin_with(recipe, Path(config.start), "model", reporter.message)
    validator = DocumentValidator(
        documents_of(config, prepared, "dev", config.selection.max_documents),
        prepared.collator(NoiseConfig()),
        {f.name: getattr(config.objectives, f.name).weight for f in fields(config.objectives)},
        reporter.message,
    )

    def card(step: int, metrics: dict[str, float]) -> str:
        told = {**described(config, prepared, model, step, metrics), **ABOUT}
        return sentence_card(SentenceFacts(*networks(config), **told))

    size = f"vocabulary {len(prepared.tokenizer)}, {len(loader.documents)} documents, {len(prepared.train)} sentences"
    return Assembled(model, recipe, loader, lambda step: validator(model, step), saver(model, card), size)


def networks(config: DocumentExperimentConfig) -> tuple[str, str]:
    """Networks and latents in words, for the card."""
    shape = config.model
    latents = f"z1 {shape.sentence.size}, z2 {shape.document.size} numbers"
    return f"{shape.encoder.title} encoder, {shape.decoder.title} decoder", latents


@dataclass(frozen=True)
class FinishedDocumentVAE:
    """A run to be looked at: its data and its best model, each opened once."""

    config: DocumentExperimentConfig
    folder: Path

    @cached_property
    def prepared(self) -> PreparedDocuments:
        """Data and tokenizer; UserError if the data are not those it was trained on."""
        return checked(prepare_documents(self.config, self.folder), self.folder)

    @cached_property
    def loaded(self) -> Loaded[HierarchicalVAE]:
        """The best model."""
        return load(self.folder, find_device(None), HierarchicalVAE)

    def diagnose(self, split: Split, config: DocumentsConfig) -> tuple[DocumentDiagnosis, dict[str, Any]]:
        """What is where, on documents of a split, and what swapping z2 writes."""
        model, found = self.loaded.model, documents_of(self.config, self.prepared, split, config.max_documents)
        looked = look(model, found.corpus, self.prepared.collator(NoiseConfig()))
        reader = LineReader(self.loaded.tokenizer, self.loaded.text, max_length(self.config) - 2)
        swapped = swap(model, looked, found.corpus, found.texts, reader.decode, config.swaps)
        return diagnose(looked, found.texts, training_documents(self.prepared)), swapped


def training_documents(prepared: PreparedDocuments, limit: int = 5000) -> list[str]:
    """The words of the first documents of train, a text each, from which raw features take their idf."""
    texts: list[list[str]] = []
    train = prepared.corpus.train
    for start in range(0, len(train), 10_000):
        rows = train[start : start + 10_000]
        for text, label in zip(rows["text"], rows["label"], strict=True):
            if label >= limit:
                return [" ".join(parts) for parts in texts]
            if label == len(texts):
                texts.append([])
            texts[label].append(text)
    return [" ".join(parts) for parts in texts]
