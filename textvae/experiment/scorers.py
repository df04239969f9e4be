"""The scorers of a finished run: fitted to its training sentences, tuned on its dev part, stored beside its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from textvae.data.batch import Collator
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.selection import DevScores
from textvae.experiment.evaluation import FinishedRun
from textvae.experiment.latents import every_so_often, posterior_means
from textvae.experiment.reranking import RoundTrips, search_weights
from textvae.experiment.scorer_training import (
    ScorerTraining,
    fit_guide,
    fit_language_model,
    guide_accuracy,
    perplexity,
)
from textvae.inference.options import TransferOptions
from textvae.inference.phrase_table import FILE as PHRASES
from textvae.inference.phrase_table import PhraseTable
from textvae.inference.retrieval import FILE, ContentIndex
from textvae.inference.scorers import (
    FOLDER,
    Reranking,
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
    phrases: bool = True
    """Also store what stood between two words, by label, for changes of phrases."""
    phrase_count: int = 4
    """Sentences of a label that must have a phrase between its neighbours."""
    undo: bool = True
    """Rank what lies between a sentence and each candidate too. Without it and without phrases all that is ranked was
    written by the model."""
    accuracy: float | None = None
    """Style accuracy wanted of reranked outputs, by the selection judge. Default: as in the training."""
    refit: bool = False
    """Train the networks again where they are there already (a training may have left its own guide)."""

    def __post_init__(self) -> None:
        if min(self.index_sentences, self.index_size, self.phrase_count) < 1:
            raise UserError("index_sentences, index_size and phrase_count are at least 1")


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
        if self.settings.phrases:
            self.build_phrases()
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

    def build_phrases(self) -> None:
        """What stood between two words in the training sentences."""
        train, transfer = self.run.prepared.train, self.run.transfer
        sentences = [train.sentence(row).tolist() for row in range(len(train))]
        labels, vocabulary = np.asarray(train.labels), transfer.model.config.vocab_size
        least = self.settings.phrase_count
        table = PhraseTable.build(sentences, labels, transfer.model.groups, vocabulary, transfer.ids, least)
        size = table.save(self.folder)
        self.say(f"phrases: {len(table):,} in {len(table.contexts):,} places, {size / 1e6:.1f} MB")

    def tune(self) -> None:
        """The way candidates are made and their weights, by search on dev: with phrases where they help, else without.

        They help where many words go with many others. Where each noun has a word of praise of its own, which the model
        has learnt and two neighbours do not tell, they do not.
        """
        prepared, config, transfer = self.run.prepared, self.run.config, self.run.transfer
        corpus, vocabulary = prepared.corpus, transfer.model.config.vocab_size
        dev_scores = DevScores.fit(
            (corpus.train["text"], corpus.train["label"]),
            (corpus.dev["text"], corpus.dev["label"]),
            corpus.attributes,
            prepared.bag.stop_words | prepared.bag.style_words.words,
            config.selection,
        )
        selection = replace(config.selection, accuracy=self.settings.accuracy or config.selection.accuracy)
        guide = load_guide(self.folder, vocabulary, transfer.attributes)
        scorers = Scorers(guide, load_language_model(self.folder, vocabulary))
        transfer.scorers = scorers.to(transfer.model.device)
        ways = [Reranking.with_phrases(), Reranking()] if self.settings.phrases else [Reranking()]
        found = [self.tuned(replace(way, undo=self.settings.undo), dev_scores, selection) for way in ways]
        _, scorers.reranking = max(found, key=lambda pair: pair[0])
        save_reranking(self.folder, scorers.reranking)
        if self.settings.phrases and not scorers.reranking.phrases:
            (self.folder / PHRASES).unlink()
            self.say("phrases: better without them on dev, so they are left out")

    def tuned(self, way: Reranking, dev_scores: DevScores, selection: SelectionConfig) -> tuple[float, Reranking]:
        """What a way of making candidates is worth under its best weights, and both together."""
        transfer = self.run.transfer
        transfer.scorers.reranking = way
        trips = RoundTrips.travel(transfer, dev_scores, TransferOptions(rerank=True, contract=False), way.weights)
        weights = search_weights(trips, way.weights, selection)
        value, score = trips.score(weights, selection)
        returned = trips.back.judged(weights).content
        self.say(
            f"{'with' if way.phrases else 'without'} phrases, weights: {vars(weights)}\n"
            f"dev: score {score.score:.3f} = accuracy {score.accuracy:.3f} × self-BLEU {100 * score.self_bleu:.1f}, "
            f"copied {score.copy_rate:.3f}; BLEU of round trips {100 * returned:.1f}"
        )
        return value, replace(way, weights=weights)
