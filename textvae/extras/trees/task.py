"""A grammar whose trees are latent, put together from its configuration, and looked at when it is trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from accelerate import Accelerator
from accelerate.utils import set_seed

from textvae.data.loader import CurriculumLoader
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus, evenly_spaced
from textvae.data.trees import Tree, parse_tree, read_treebank
from textvae.errors import UserError
from textvae.experiment.assembly import Assembled
from textvae.experiment.common import described, rows_of, saver
from textvae.experiment.preparation import PreparedSentences, max_length, prepare_sentences
from textvae.experiment.runs import checked
from textvae.experiment.start import begin_with
from textvae.extras.trees.card import tree_card
from textvae.extras.trees.compound_pcfg import CompoundPCFG
from textvae.extras.trees.config import TreeEvaluationConfig, TreeExperimentConfig, saved_tree_config
from textvae.extras.trees.evaluator import KnownTrees, TreeEvaluation, TreeValidator, evaluate_trees, ngram_model
from textvae.extras.trees.recipe import TreeRecipe
from textvae.inference.loading import find_device, load
from textvae.sentence_card import SentenceFacts
from textvae.text import prepare as prepare_text
from textvae.training.progress import Reporter

Split = Literal["dev", "test"]


def build_model(config: TreeExperimentConfig, prepared: PreparedSentences) -> CompoundPCFG:
    """The model with the seed's initial weights."""
    set_seed(config.training.seed)
    vocabulary = len(prepared.tokenizer)
    return CompoundPCFG(saved_tree_config(config.model, vocabulary, prepared.corpus.labels, max_length(config)))


def known_trees(
    prepared: PreparedSentences, texts: Iterable[str], trees: Iterable[Tree | None], longest: int, limit: int
) -> KnownTrees:
    """At most `limit` prepared sentences of 1 … `longest` words, evenly spaced, each with its tree if it fits."""
    pairs = list(zip(texts, trees, strict=True))
    encoded = prepared.encode([text for text, _ in pairs])
    usable = [(ids, tree) for ids, (_, tree) in zip(encoded, pairs, strict=True) if 0 < len(ids) <= longest]
    usable = [usable[row] for row in evenly_spaced(len(usable), limit)]
    fitting = [tree if tree is not None and len(tree.words) == len(ids) else None for ids, tree in usable]
    return KnownTrees(TokenizedCorpus.from_lists([ids for ids, _ in usable], [0] * len(usable)), fitting)


def trees_of(config: TreeExperimentConfig, prepared: PreparedSentences, split: Split, limit: int) -> KnownTrees:
    """Sentences of a split with the trees they came with, if they came with any."""
    rows = getattr(prepared.corpus, split)
    if rows is None:
        raise UserError(f"the data of {config.run} have no {split} split; choose --split dev")
    bracketed = config.data.source == "trees"
    trees = [parse_tree(lines[0]) if bracketed and lines else None for lines in rows["references"]]
    return known_trees(prepared, list(rows["text"]), trees, config.data.max_tokens, limit)


def assemble(
    config: TreeExperimentConfig, prepared: PreparedSentences, accelerator: Accelerator, reporter: Reporter
) -> Assembled:
    """Network, recipe, batches and validation."""
    model = build_model(config, prepared)
    recipe = TreeRecipe(model, config.objectives)
    if config.start:
        begin_with(recipe, Path(config.start), "model", reporter.message)
    validator = TreeValidator(
        config.selection,
        trees_of(config, prepared, "dev", config.selection.max_sentences),
        prepared.collator(NoiseConfig()),
        (config.objectives.J_rec.weight, config.objectives.J_kl.weight),
        reporter.message,
    )

    def card(step: int, metrics: dict[str, float]) -> str:
        return tree_card(SentenceFacts(*networks(config), **described(config, prepared, model, step, metrics)))

    loader = CurriculumLoader(*rows_of(config, prepared, accelerator), config.curriculum)
    size = f"vocabulary {len(prepared.tokenizer)}, {len(prepared.train)} sentences"
    return Assembled(model, recipe, loader, lambda step: validator(model, step), saver(model, card), size)


def networks(config: TreeExperimentConfig) -> tuple[str, str]:
    """Networks and latent in words, for the card."""
    model, grammar = config.model, config.model.grammar
    symbols = f"grammar of {grammar.nonterminals} nonterminals and {grammar.preterminals} preterminals"
    if model.kind == "neural":
        return symbols, "trees alone"
    return f"{model.encoder.title} encoder, {symbols}", f"trees, and {model.latent.kind}, {model.latent.size} numbers"


@dataclass(frozen=True)
class FinishedGrammar:
    """A run to be looked at: its data and its best model, each opened once."""

    config: TreeExperimentConfig
    folder: Path

    @cached_property
    def prepared(self) -> PreparedSentences:
        """Data and tokenizer; UserError if the data are not those it was trained on."""
        return checked(prepare_sentences(self.config, self.folder), self.folder)

    @cached_property
    def model(self) -> CompoundPCFG:
        """The best model."""
        return load(self.folder, find_device(None), CompoundPCFG).model

    def split(self, split: Split, config: TreeEvaluationConfig) -> KnownTrees:
        """Sentences of the run's own data."""
        return trees_of(self.config, self.prepared, split, config.max_sentences)

    def treebank(self, path: Path, config: TreeEvaluationConfig, longest: int) -> KnownTrees:
        """Trees of a file, of at most `longest` words."""
        trees = [tree for _, _, tree in read_treebank(path)]
        texts = [prepare_text(" ".join(tree.words), self.config.text) for tree in trees]
        known = known_trees(self.prepared, texts, trees, longest, config.max_sentences)
        if not known.scored:
            raise UserError(
                f"{path}: none of {len(trees)} trees can be scored: they have no words, more than {longest} of them "
                "(--longest), or words that the run's settings cut in two (text.tokenise)"
            )
        return known

    def evaluate(self, known: KnownTrees, config: TreeEvaluationConfig) -> TreeEvaluation:
        """Likelihood and trees of the best model, beside an n-gram model of the same training sentences."""
        prepared = self.prepared
        ngrams = ngram_model(prepared.train, config.order)
        return evaluate_trees(self.model, known, prepared.collator(NoiseConfig()), config, ngrams)
