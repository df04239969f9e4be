"""`textvae evaluate RUN` for a grammar: trees against known ones, likelihood beside an n-gram model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from textvae.config.base import RunOptions
from textvae.errors import UserError
from textvae.extras.trees.config import TreeEvaluationConfig
from textvae.volume import note

if TYPE_CHECKING:
    from textvae.extras.trees.evaluator import TreeEvaluation


@dataclass
class TreeOptions(RunOptions):
    """Trees against known ones, likelihood beside an n-gram model.

    Nothing is saved for a treebank unless a folder is named.
    """

    treebank: str | None = None
    """File of trees in brackets to score on instead, one a line, as the Penn Treebank writes them."""
    longest: int = 40
    """Longest tree of that file, in words without punctuation; longer ones are left out."""
    evaluation: TreeEvaluationConfig = field(default_factory=TreeEvaluationConfig)
    """How the grammar is looked at."""


def evaluate(run: Path, options: TreeOptions) -> None:
    """Print the tables, save everything."""
    from textvae.experiment.runs import config_of, part_of
    from textvae.extras.trees.task import FinishedGrammar
    from textvae.files import write_json
    from textvae.terminal import show_table

    if options.treebank is not None and options.split is not None:
        raise UserError("--treebank and --split are two things to score on; give one of them")
    finished = FinishedGrammar(config_of(run, options.cache), run)
    if options.treebank is not None:
        name, known = options.treebank, finished.treebank(Path(options.treebank), options.evaluation, options.longest)
    else:
        name = part = part_of(finished.prepared.corpus, options.split)
        known = finished.split(part, options.evaluation)
    found = finished.evaluate(known, options.evaluation)
    folder = None if options.treebank and not options.save else options.folder(run)
    if folder is not None:
        settings = {"data": name, "evaluation": vars(options.evaluation)}
        write_json(folder / "metrics.json", {**settings, **found.to_dict()})
    show_table(
        [f"{run.name}: {found.sentences} sentences of {name}", "", ""], [list(row) for row in likelihoods(found)]
    )
    if found.trees:
        print()
        scored = found.trees["model"].sentences
        show_table(["trees", "sentence F1", "corpus F1"], list(f1_rows(found)), right=(1, 2))
        print(f"unlabelled, {scored} sentences with more than trivial spans; bound: what a binary tree can reach")
    if folder is not None:
        note(f"saved in {folder}")


def likelihoods(found: TreeEvaluation) -> Iterator[tuple[str, str, str]]:
    """(measure, value, meaning)."""
    exact = "exact" if found.samples is None else f"an upper bound from {found.samples} draws of z"
    if found.nll is not None and found.perplexity is not None:
        yield "NLL", f"{found.nll:.3f}", f"nats a sentence, all trees summed out, {exact}"
        yield "perplexity", f"{found.perplexity:.3f}", "the same per word, the sentence's end counted"
    if found.rate is not None:
        yield "distortion", f"{found.distortion:.3f}", "nats a sentence, −log p(x | z), z from its posterior"
        yield "rate", f"{found.rate:.3f}", "nats a sentence that z tells of x"
    if found.ngram_nll is not None and found.ngram_perplexity is not None:
        yield f"{found.ngram_order}-gram NLL", f"{found.ngram_nll:.3f}", "of a Kneser-Ney model of the same sentences"
        yield f"{found.ngram_order}-gram perplexity", f"{found.ngram_perplexity:.3f}", ""


def f1_rows(found: TreeEvaluation) -> Iterator[list[str]]:
    """One line a kind of tree, in percent."""
    for name, score in found.trees.items():
        yield [name, f"{100 * score.sentence_f1:.1f}", f"{100 * score.corpus_f1:.1f}"]
