"""Instruments, outputs and probes of a finished run."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textvae.config.style_transfer import ExperimentConfig
from textvae.data.corpus import Corpus
from textvae.data.sources import load_corpus
from textvae.data.tokenized import TokenizedCorpus
from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.evaluator import Evaluator
from textvae.evaluation.probes import probe
from textvae.evaluation.task import Transfer, TransferTask
from textvae.experiment.latents import Means, every_so_often, posterior_means
from textvae.experiment.preparation import Prepared, content_filters, prepare
from textvae.experiment.runs import cache_folder, checked
from textvae.inference.style_transfer import StyleTransfer
from textvae.text import prepare as prepare_text
from textvae.tokenization.config import SPECIAL


class Encoded(NamedTuple):
    """Posterior means of sentences, and their labels (N,) or (N, A)."""

    means: Means
    labels: np.ndarray


@dataclass(frozen=True)
class FinishedRun:
    """A run to be evaluated: its data and its best model, each opened once."""

    config: ExperimentConfig
    folder: Path

    @cached_property
    def prepared(self) -> Prepared:
        """Data and tokenizer; UserError if the data are not those it was trained on."""
        return checked(prepare(self.config, self.folder), self.folder)

    @cached_property
    def transfer(self) -> StyleTransfer:
        """The best model."""
        return StyleTransfer.from_pretrained(self.folder)

    def evaluator(self, evaluation: EvaluationConfig, split: str = "test", attribute: int | None = None) -> Evaluator:
        """Instruments for this run: content is what its own bag of words calls content.

        attribute: of several, the one that is judged; UserError where it is not said.
        """
        bag, names = self.prepared.bag, self.prepared.corpus.attributes.names
        if attribute is None and len(names) > 1:
            raise UserError(
                f"{self.folder} knows several attributes ({', '.join(names)}): `textvae evaluate` scores such a run, "
                "sweeps and outputs of other systems are scored for one attribute only"
            )
        return make_evaluator(
            self.config, self.prepared.corpus, evaluation, split, bag.style_words.words, bag.stop_words, attribute
        )

    def write(self, task: TransferTask, **options: Any) -> tuple[list[Transfer], dict[str, float]]:
        """Rewrite every sentence of a task into every other label; also how long that took.

        Options: fields of `TransferOptions`; nothing holds the rewritings to a contract unless they say so, since what
        is scored is what the model writes. cpu_seconds is what the work took of the processor, whoever shares it.
        """
        transfer, options = self.transfer, {"contract": False, **options}
        transfer("", task.labels[0], **options)  # load scorers and index, which is not part of the work
        began, busy = time.perf_counter(), time.process_time()
        found: list[Transfer] = []
        for source in range(len(task.labels)):
            rows = np.flatnonzero(task.input_labels == source).tolist()
            texts = [task.inputs[r] for r in rows]
            for target in range(len(task.labels)):
                if target != source:
                    outputs = transfer(texts, target=task.labels[target], detokenise=False, **options)
                    found += [Transfer(r, target, text) for r, text in zip(rows, outputs, strict=True)]
        seconds, cpu = time.perf_counter() - began, time.process_time() - busy
        return found, {
            "seconds": round(seconds, 3),
            "sentences_per_second": round(len(found) / seconds, 1),
            "cpu_seconds": round(cpu, 3),
        }

    def means(self, limit: int = 20_000) -> tuple[Encoded, Encoded]:
        """Latents and labels of train, at most `limit` sentences, and of dev."""
        prepared, model = self.prepared, self.transfer.model
        train = every_so_often(prepared.train, limit)
        corpus = prepared.corpus.dev
        ids = [ids or [SPECIAL.unk] for ids in prepared.encode(list(corpus["text"]))]
        dev = TokenizedCorpus.from_lists(ids, list(corpus["label"]))
        return tuple(Encoded(posterior_means(model, prepared, x), x.labels) for x in (train, dev))  # type: ignore[return-value]

    def probes(self, limit: int = 20_000) -> dict[str, dict[str, Any]]:
        """How well a linear classifier and a small network read the style from each space: fitted on train, by dev."""
        fitted, measured = self.means(limit)
        spaces = {
            "z_s": (fitted.means.style, measured.means.style),
            "z_c": (fitted.means.content, measured.means.content),
        }
        return {
            name: probe(train, fitted.labels, dev, measured.labels, nonlinear=True).to_dict()
            for name, (train, dev) in spaces.items()
        }


def evaluator_of_data(config: ExperimentConfig, evaluation: EvaluationConfig, split: str = "test") -> Evaluator:
    """Instruments for the outputs of any system: style words are found again in the training data."""
    corpus = load_corpus(config.data, config.text, cache_folder(config))
    if len(corpus.attributes) > 1:
        raise UserError(f"outputs are scored for one attribute, the data have {', '.join(corpus.attributes.names)}")
    style_words, stop_words = content_filters(config, corpus)
    return make_evaluator(config, corpus, evaluation, split, style_words.words, stop_words)


def make_evaluator(
    config: ExperimentConfig,
    corpus: Corpus,
    evaluation: EvaluationConfig,
    split: str,
    style_words: frozenset[str],
    stop_words: frozenset[str],
    attribute: int | None = None,
) -> Evaluator:
    """Judges, language model and test set of a corpus; attribute: of several, the one that is judged."""
    return Evaluator.from_corpus(
        corpus,
        cache_folder(config) / "instruments",
        lambda text: prepare_text(text, config.text),
        style_words=style_words,
        stop_words=stop_words,
        config=evaluation,
        split=split,
        attribute=attribute,
    )


def checksum_of_test_set(texts: Iterable[str]) -> str:
    """sha256 of test sentences without their spaces and their order: another tokenisation is the same test set."""
    lines = sorted("".join(text.split()) for text in texts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
