"""A fast score of dev outputs to choose checkpoints by; its judge is not one of those that report."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from textvae.evaluation import bleu
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.judges.base import Example
from textvae.evaluation.judges.naive_bayes import NaiveBayesJudge
from textvae.evaluation.metrics import copies, word_overlaps
from textvae.evaluation.sampling import reservoir
from textvae.evaluation.task import Outputs, TransferTask


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

    def __call__(self, outputs: Outputs, targets: Sequence[int] | None = None) -> SelectionScore:
        """Score prepared outputs in any form that `Evaluator.score` takes, for `self.task.inputs`."""
        transfers = self.task.align(outputs, targets)
        if not transfers:
            return SelectionScore(0.0, 0.0, 0.0, 0.0, 0.0)
        texts = [transfer.output for transfer in transfers]
        inputs = [self.task.inputs[transfer.row] for transfer in transfers]
        hits = self.judge.predict(texts) == np.array([transfer.target for transfer in transfers])
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
