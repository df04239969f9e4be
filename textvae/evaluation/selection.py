"""A fast score of dev outputs to choose checkpoints by; its judge is not one of those that report."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from textvae.data.attributes import Attributes, labels_of
from textvae.evaluation import bleu
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.judges.base import Example
from textvae.evaluation.judges.naive_bayes import NaiveBayesJudge
from textvae.evaluation.metrics import copies, word_overlaps
from textvae.evaluation.sampling import reservoir
from textvae.evaluation.task import Outputs, Transfer, TransferTask


@dataclass(frozen=True)
class SelectionScore:
    """All fractions in 0-1. `score` is what is compared; the rest says where it comes from."""

    score: float
    accuracy: float
    self_bleu: float
    word_overlap: float
    copy_rate: float


def selection_score(accuracy: float, content: float, copy_rate: float, copy_limit: float = 0.1) -> float:
    """accuracy · content · min(1, (1 - copy_rate) / (1 - copy_limit)), all fractions in 0-1.

    Without the last factor a weak judge, or a dev part with wrong labels, could make copying pay.
    """
    return accuracy * content * min(1.0, (1 - copy_rate) / (1 - copy_limit))


class DevScore:
    """Scores outputs for the sentences of `task` (drawn from dev). 1,000 of them take a tenth of a second."""

    def __init__(
        self,
        judge: NaiveBayesJudge,
        task: TransferTask,
        excluded: Collection[str] = (),
        config: SelectionConfig | None = None,
    ) -> None:
        """`excluded`: style and stop words, left out of the word overlap."""
        self.judge = judge
        self.task = task
        self.excluded = frozenset(excluded)
        self.config = config or SelectionConfig()

    @classmethod
    def fit(
        cls,
        train: Iterable[Example],
        dev: Iterable[Example],
        labels: Sequence[str],
        excluded: Collection[str] = (),
        config: SelectionConfig | None = None,
    ) -> DevScore:
        """Train the selection judge in one pass over `train` (2 s on Yelp); draw the sentences from `dev`."""
        config = config or SelectionConfig()
        held_out = list(dev)
        judge = NaiveBayesJudge(len(labels), config.seed).fit(train, held_out)
        rows = sorted(reservoir(range(len(held_out)), config.max_sentences, config.seed))
        inputs, input_labels = [held_out[row][0] for row in rows], [held_out[row][1] for row in rows]
        return cls(judge, TransferTask(labels, inputs, input_labels, source="the dev part"), excluded, config)

    def __call__(
        self, outputs: Outputs, targets: Sequence[int] | None = None, kept: np.ndarray | None = None
    ) -> SelectionScore:
        """Score prepared outputs in any form that `Evaluator.score` takes, for `self.task.inputs`.

        kept: (N,) bool, which outputs keep what they should beside content; the others do not count as accurate.
        """
        transfers = self.task.align(outputs, targets)
        if not transfers:
            return SelectionScore(0.0, 0.0, 0.0, 0.0, 0.0)
        texts = [transfer.output for transfer in transfers]
        inputs = [self.task.inputs[transfer.row] for transfer in transfers]
        hits = self.judge.predict(texts) == np.array([transfer.target for transfer in transfers])
        if kept is not None:
            hits = hits & kept
        sums = bleu.statistics(texts, [[text] for text in inputs]).sum(axis=0)
        parts = {
            "accuracy": float(hits.mean()),
            "self_bleu": float(np.nan_to_num(bleu.from_statistics(sums))) / 100,
            "word_overlap": float(word_overlaps(texts, inputs, self.excluded).mean()),
            "copy_rate": float(copies(texts, inputs).mean()),
        }
        content = parts[self.config.content]
        score = selection_score(parts["accuracy"], content, parts["copy_rate"], self.config.copy_limit)
        return SelectionScore(score, **parts)


class DevScores:
    """A `DevScore` for each attribute, over the same dev sentences; with one attribute its score is that one's.

    An output in which one attribute was to change is accurate where every judge finds the label it should: the new one,
    and of the other attributes the sentence's own.
    """

    def __init__(self, attributes: Attributes, parts: Sequence[DevScore]) -> None:
        self.attributes, self.parts = attributes, tuple(parts)
        self.inputs = self.parts[0].task.inputs
        labels = [part.task.input_labels for part in self.parts]
        self.labels = labels[0] if len(labels) == 1 else np.stack(labels, axis=1)

    @classmethod
    def fit(
        cls,
        train: tuple[Sequence[str], Sequence[Any]],
        dev: tuple[Sequence[str], Sequence[Any]],
        attributes: Attributes,
        excluded: Collection[str],
        config: SelectionConfig,
    ) -> DevScores:
        """Train the judges on (texts, labels) of train; draw the sentences from those of dev."""
        parts = [
            DevScore.fit(
                zip(train[0], labels_of(train[1], attribute), strict=True),
                zip(dev[0], labels_of(dev[1], attribute), strict=True),
                labels,
                excluded,
                config,
            )
            for attribute, labels in enumerate(attributes.labels)
        ]
        return cls(attributes, parts)

    def kept(self, attribute: int, outputs: Sequence[Transfer]) -> dict[int, np.ndarray]:
        """For every attribute but the one that was to change: (N,) bool, which outputs have the input's label."""
        rows, texts = [transfer.row for transfer in outputs], [transfer.output for transfer in outputs]
        others = [(n, part) for n, part in enumerate(self.parts) if n != attribute]
        return {n: part.judge.predict(texts) == part.task.input_labels[rows] for n, part in others}

    def hits(self, attribute: int, outputs: Sequence[Transfer]) -> np.ndarray:
        """(N,) bool, in which outputs every judge finds the label it should."""
        texts, targets = [transfer.output for transfer in outputs], [transfer.target for transfer in outputs]
        changed = self.parts[attribute].judge.predict(texts) == np.array(targets)
        return np.all([changed, *self.kept(attribute, outputs).values()], axis=0)

    def __call__(self, outputs: Sequence[Sequence[Transfer]]) -> SelectionScore:
        """The mean of the scores of the outputs in which each attribute was changed."""
        found = []
        for attribute, (part, transfers) in enumerate(zip(self.parts, outputs, strict=True)):
            kept = list(self.kept(attribute, transfers).values())
            found.append(part(list(transfers), kept=np.all(kept, axis=0) if kept else None))
        return SelectionScore(*(float(np.mean(column)) for column in zip(*map(astuple, found), strict=True)))

    def details(self, outputs: Sequence[Sequence[Transfer]]) -> dict[str, float]:
        """accuracy_NAME of each attribute where it was changed, kept_NAME where another was; none for one attribute."""
        if len(self.parts) == 1:
            return {}
        changed: dict[int, float] = {}
        kept: dict[int, list[np.ndarray]] = {}
        for attribute, transfers in enumerate(outputs):
            changed[attribute] = self.parts[attribute](list(transfers)).accuracy
            for other, hits in self.kept(attribute, transfers).items():
                kept.setdefault(other, []).append(hits)
        names = self.attributes.names
        found = {f"accuracy_{names[attribute]}": value for attribute, value in changed.items()}
        return found | {f"kept_{names[other]}": float(np.concatenate(hits).mean()) for other, hits in kept.items()}
