"""The scorers of a finished run: fitted to its training sentences, tuned on its dev part, stored beside its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch

from textvae.data.collate import Collator
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
from textvae.evaluation.selection import DevScores
from textvae.experiment.evaluation import FinishedRun
from textvae.experiment.latents import every_so_often, posterior_means
from textvae.experiment.reranking import candidate_table, search_weights
from textvae.experiment.scorer_training import (
    ScorerTraining,
    fit_guide,
    fit_language_model,
    guide_accuracy,
    perplexity,
)
from textvae.inference.options import TransferOptions
from textvae.inference.retrieval import FILE, ContentIndex
from textvae.inference.scorers import (
    FOLDER,
    Scorers,
    load_guide,
    load_language_model,
    save_guide,
    save_language_model,
    save_reranking,
)
from textvae.tokenization.config import SPECIAL


@dataclass(frozen=True)
class ScorerSettings:
    """What is made, and how large."""

    training: ScorerTraining = field(default_factory=ScorerTraining)
    """Sizes and schedule of the networks."""
    index: bool = True
    """Also index the training sentences by content, for retrieval."""
    index_sentences: int = 300_000
    """At most so many, evenly spaced."""
    index_size: int = 64
    """Numbers kept of each z_c, 2 bytes each."""
    accuracy: float | None = None
    """Style accuracy wanted of reranked outputs, by the selection judge. Default: as in the training."""
    refit: bool = False
    """Train the networks again where they are there already (a training may have left its own guide)."""

    def __post_init__(self) -> None:
        if min(self.index_sentences, self.index_size) < 1:
            raise UserError("index_sentences and index_size are at least 1")


@dataclass(frozen=True)
class ScorerFitting:
    """Fits, tunes and stores what reranking and retrieval need of one run."""

    run: FinishedRun
    settings: ScorerSettings
    say: Callable[[str], None]

    @property
    def folder(self) -> Path:
        """Where it goes: inside the folder of the model, so that a better model does not inherit it."""
        assert self.run.transfer.folder is not None
        return self.run.transfer.folder / FOLDER

    @cached_property
    def collator(self) -> Collator:
        """Sentences as they are."""
        return self.run.prepared.collator(NoiseConfig())

    @cached_property
    def dev(self) -> TokenizedCorpus:
        """The dev part as ids."""
        part, limit = self.run.prepared.corpus.dev, self.run.transfer.model.config.max_length
        ids = [ids[:limit] or [SPECIAL.unk] for ids in self.run.prepared.encode(list(part["text"]))]
        return TokenizedCorpus.from_lists(ids, list(part["label"]))

    def __call__(self) -> Path:
        """Everything in its order; each part is stored when it is done, so that a second call goes on."""
        self.fit_networks()
        if self.settings.index:
            self.build_index()
        self.tune()
        return self.folder

    def fit_networks(self) -> None:
        """The two networks, unless they are there."""
        train, labels = self.run.prepared.train, self.run.transfer.attributes
        vocabulary = self.run.transfer.model.config.vocab_size
        if self.settings.refit or not (self.folder / "guide.json").is_file():
            guide = fit_guide(train, self.collator, labels.sizes, self.settings.training)
            save_guide(self.folder, guide, labels)
        if self.settings.refit or not (self.folder / "language_model.json").is_file():
            model = fit_language_model(train, self.collator, self.settings.training)
            save_language_model(self.folder, model)
        found = guide_accuracy(load_guide(self.folder, vocabulary, labels), self.dev, self.collator)
        names = [f"{name} " for name in labels.names] if len(labels) > 1 else [""]
        accuracy = ", ".join(f"{name}{value:.3f}" for name, value in zip(names, found, strict=True))
        fluency = perplexity(load_language_model(self.folder, vocabulary), self.dev, self.collator)
        self.say(f"guide: dev accuracy {accuracy}; language model: dev perplexity {fluency:.1f}")

    def build_index(self) -> None:
        """z_c of the training sentences without unknown words."""
        prepared, model = self.run.prepared, self.run.transfer.model
        corpus = every_so_often(prepared.train, self.settings.index_sentences)
        known = [row for row in range(len(corpus)) if SPECIAL.unk not in corpus.sentence(row)]
        corpus = TokenizedCorpus.from_lists(
            [corpus.sentence(row).tolist() for row in known], corpus.labels[known].tolist()
        )
        content = torch.from_numpy(posterior_means(model, prepared, corpus).content)
        labels, groups = model.groups.combination(torch.as_tensor(corpus.labels)), model.groups
        index = ContentIndex.build(
            content, lambda row: corpus.sentence(row).tolist(), labels, groups.combinations, self.settings.index_size
        )
        size = index.save(self.folder)
        self.say(f"index: {len(index):,} sentences, {size / 1e6:.1f} MB ({self.folder / FILE})")

    def tune(self) -> None:
        """Weights by search on dev."""
        prepared, config, transfer = self.run.prepared, self.run.config, self.run.transfer
        corpus = prepared.corpus
        dev_score = DevScores.fit(
            (corpus.train["text"], corpus.train["label"]),
            (corpus.dev["text"], corpus.dev["label"]),
            corpus.attributes,
            prepared.bag.stop_words | prepared.bag.style_words.words,
            config.selection,
        )
        vocabulary = transfer.model.config.vocab_size
        scorers = Scorers(
            load_guide(self.folder, vocabulary, transfer.attributes), load_language_model(self.folder, vocabulary)
        )
        transfer.scorers = scorers.to(transfer.model.device)
        table = candidate_table(transfer, dev_score, TransferOptions(rerank=True))
        wanted = self.settings.accuracy or config.selection.accuracy
        selection = replace(config.selection, accuracy=wanted)
        weights = search_weights(table, scorers.reranking.weights, selection)
        scorers.reranking = replace(scorers.reranking, weights=weights)
        save_reranking(self.folder, scorers.reranking)
        _, score = table.score(weights, selection)
        self.say(
            f"weights: {vars(weights)}\ndev: score {score.score:.3f} = accuracy {score.accuracy:.3f} × self-BLEU "
            f"{100 * score.self_bleu:.1f}, copied {score.copy_rate:.3f}"
        )
