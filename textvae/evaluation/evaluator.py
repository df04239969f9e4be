"""Scores outputs of any system, with the rows "input copied" and "human reference" always beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textvae.data.attributes import labels_of
from textvae.errors import UserError
from textvae.evaluation import bleu
from textvae.evaluation.bootstrap import Interval, interval, resampled_sums
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.instruments import Instruments, build_instruments
from textvae.evaluation.judges.base import Example
from textvae.evaluation.metrics import distinct, measures, statistics
from textvae.evaluation.results import ALL, Evaluation, Row
from textvae.evaluation.task import Outputs, Transfer, TransferTask

if TYPE_CHECKING:
    import datasets

    from textvae.data.corpus import Corpus
    from textvae.inference.acceptance import AcceptanceJudge

COPY, HUMAN = "input copied", "human reference"


class Evaluator:
    """Trained instruments and a test set. Build it once per corpus, then `score` any number of systems."""

    def __init__(self, instruments: Instruments, task: TransferTask, config: EvaluationConfig | None = None) -> None:
        self.instruments = instruments
        self.task = task
        self.config = config or EvaluationConfig()
        self.acceptance: str | None = None

    @classmethod
    def build(
        cls,
        train: Iterable[Example],
        dev: Iterable[Example],
        task: TransferTask,
        *,
        cache_dir: str | Path,
        fingerprint: str,
        style_words: Collection[str] = (),
        stop_words: Collection[str] = (),
        config: EvaluationConfig | None = None,
    ) -> Evaluator:
        """Train the judges, language model and word vectors, or load them from `cache_dir`.

        `train` and `dev` yield (prepared text, label) and are read at most once; `fingerprint` stands for
        their content. Style words and stop words are not content: word overlap and cosine leave them out.
        """
        excluded = {*style_words, *stop_words}
        parts = build_instruments(train, dev, len(task.labels), cache_dir, fingerprint, excluded, config)
        return cls(parts, task, config)

    @classmethod
    def from_corpus(
        cls,
        corpus: Corpus,
        cache_dir: str | Path,
        prepare: Callable[[str], str],
        *,
        style_words: Collection[str] = (),
        stop_words: Collection[str] = (),
        config: EvaluationConfig | None = None,
        split: str = "test",
        attribute: int | None = None,
    ) -> Evaluator:
        """As `build`, on the test (or dev) part of a corpus; `prepare` is what its texts went through.

        attribute: of several, the one whose labels are judged. References are of the first.
        """
        part = corpus.dev if split == "dev" else corpus.test
        if part is None:
            raise UserError("the data have no test part: add one, or evaluate on dev")
        raw = part["references"] if "references" in part.column_names and not attribute else []
        references = [[prepare(text) for text in row or ()] for row in raw]
        inputs, labels = list(part["text"]), list(labels_of(part["label"], attribute or 0))
        names = corpus.labels if attribute is None else corpus.attributes.labels[attribute]
        task = TransferTask(names, inputs, labels, references, source=f"the {split} part")
        train, dev = Pairs(corpus.train, attribute or 0), Pairs(corpus.dev, attribute or 0)
        return cls.build(
            train, dev, task, cache_dir=cache_dir, fingerprint=corpus.fingerprint, style_words=style_words,
            stop_words=stop_words, config=config,
        )  # fmt: skip

    def accept_by(self, judge: AcceptanceJudge, name: str) -> None:
        """Report acceptance by a judge; UserError where it does not know the labels of the task."""
        judge.numbered(self.task.labels)

        def acceptance(sources: Sequence[str], outputs: Sequence[str], targets: Sequence[int]) -> np.ndarray:
            return judge(sources, outputs, [self.task.labels[target] for target in targets])

        self.instruments, self.acceptance = replace(self.instruments, acceptance=acceptance), name

    def score(self, outputs: Outputs, targets: Sequence[int] | None = None, name: str = "system") -> Evaluation:
        """Measure the prepared outputs of the system `name`. They come as one of

        - strings aligned with the test set, each into the label in `targets` (N,), by default the other of
          two labels;
        - label -> strings aligned with the test sentences of that label, into the other of two labels;
        - `Transfer`s in any number and order, for more labels.

        An empty output is legal and bad: no BLEU match, no content, the perplexity of one </s>, judged like
        any text.
        """
        if name in (COPY, HUMAN):
            raise UserError(f"{name!r} is the name of a row that is always there; name the system otherwise")
        transfers = self.task.align(outputs, targets)
        if not transfers:
            raise UserError(f"{name} has no outputs: there is nothing to evaluate")
        references = [self.task.references(transfer) for transfer in transfers]
        systems: dict[str, list[str | None]] = {
            name: [transfer.output for transfer in transfers],
            COPY: [self.task.inputs[transfer.row] for transfer in transfers],
        }
        if any(references):
            systems[HUMAN] = [row[0] if row else None for row in references]
        return self._evaluate(systems, transfers, references)

    def _evaluate(
        self, systems: Mapping[str, list[str | None]], transfers: list[Transfer], references: list[list[str]]
    ) -> Evaluation:
        directions = sorted({self._direction(transfer) for transfer in transfers})
        groups = np.array([directions.index(self._direction(transfer)) for transfer in transfers])
        names = [f"{self.task.labels[source]} to {self.task.labels[target]}" for source, target in directions]
        tables = [
            self._statistics(texts, transfers, [row[1:] for row in references] if system == HUMAN else references)
            for system, texts in systems.items()
        ]
        drawn = resampled_sums(np.hstack([t for t, _ in tables]), groups, self.config.resamples, self.config.seed)
        resampled = np.split(drawn, len(tables), axis=2)
        rows: list[Row] = []
        samples: dict[tuple[str, str, str], np.ndarray] = {}
        for (system, texts), (table, widths), sums in zip(systems.items(), tables, resampled, strict=True):
            for number, direction in [(None, ALL), *enumerate(names)]:
                inside = np.ones(len(groups), bool) if number is None else groups == number
                chosen = [text for text, here in zip(texts, inside, strict=True) if here and text is not None]
                if chosen:
                    part = sums.sum(axis=1) if number is None else sums[:, number]
                    found = self._measures(table[inside].sum(axis=0), widths)
                    spread = self._measures(part, widths)
                    samples |= {(system, direction, key): values for key, values in spread.items()}
                    rows.append(self._row(system, direction, chosen, found, spread))
        return Evaluation(tuple(rows), self._settings(references), samples=samples)

    def _direction(self, transfer: Transfer) -> tuple[int, int]:
        return int(self.task.input_labels[transfer.row]), transfer.target

    def _statistics(
        self, texts: Sequence[str | None], transfers: list[Transfer], references: list[list[str]]
    ) -> tuple[np.ndarray, dict[str, int]]:
        """Per-sentence numbers side by side, (N, K), zeros where a text is None; and the width of each."""
        present = [row for row, text in enumerate(texts) if text is not None]
        found = statistics(
            self.instruments,
            [text for text in texts if text is not None],
            [self.task.inputs[transfers[row].row] for row in present],
            [references[row] for row in present],
            np.array([transfers[row].target for row in present]),
        )
        matrix = np.zeros((len(texts), sum(value.shape[1] for value in found.values())))
        matrix[present] = np.hstack(list(found.values()))
        return matrix, {name: value.shape[1] for name, value in found.items()}

    def _measures(self, sums: np.ndarray, widths: Mapping[str, int]) -> dict[str, np.ndarray]:
        parts = np.split(sums, np.cumsum(list(widths.values()))[:-1], axis=-1)
        return measures(dict(zip(widths, parts, strict=True)), [judge.name for judge in self.instruments.judges])

    def _row(
        self,
        system: str,
        direction: str,
        texts: list[str],
        found: dict[str, Any],
        spread: dict[str, np.ndarray],
    ) -> Row:
        intervals = {key: interval(float(value), spread[key], self.config.confidence) for key, value in found.items()}
        for order in (1, 2):
            intervals[f"distinct_{order}"] = Interval(distinct(texts, order), float("nan"), float("nan"))
        return Row(system, direction, len(texts), intervals)

    def _settings(self, references: Sequence[Sequence[str]]) -> dict[str, Any]:
        model = self.instruments.language_model
        return {
            "labels": list(self.task.labels),
            "judges": {judge.name: judge.dev_accuracy for judge in self.instruments.judges},
            "language_model": f"modified Kneser-Ney, order {model.order}, {len(model.words)} words",
            "bleu_signature": bleu.signature(references),
            "excluded_words": len(self.instruments.excluded),
            **({} if self.acceptance is None else {"acceptance": self.acceptance}),
            **asdict(self.config),
        }


class Pairs:
    """(text, label of an attribute) of each row of a `datasets.Dataset`, read in batches, as often as it is asked."""

    def __init__(self, rows: datasets.Dataset, attribute: int = 0) -> None:
        self.rows, self.attribute = rows.select_columns(["text", "label"]), attribute

    def __iter__(self) -> Iterator[Example]:
        for batch in self.rows.iter(batch_size=1000):
            yield from zip(batch["text"], labels_of(batch["label"], self.attribute), strict=True)
