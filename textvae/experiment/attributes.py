"""A run with several attributes, evaluated: each attribute changed alone, then all of them together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.evaluator import COPY, HUMAN, Evaluator
from textvae.evaluation.probes import probe
from textvae.evaluation.results import Evaluation
from textvae.evaluation.task import Transfer, TransferTask
from textvae.experiment.evaluation import FinishedRun

ALL = "all"
OUTPUTS = "outputs"


class Rewriting(NamedTuple):
    """Test sentence `row` written so that it has labels (A,); text is the prepared output."""

    row: int
    labels: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Changed:
    """What was measured where `name` was changed: an attribute, or all of them.

    evaluator: made `result`; that of the attribute, of the first where all were changed.
    accuracy: {attribute: {judge: percent of the outputs with the label they should have}}, kept attributes included.
    inputs: the same of the inputs and their own labels, which no system need surpass. result: everything else.
    joint: {outputs, copied inputs or references: {judge: percent of them with all the labels they should have}}.
    """

    name: str
    evaluator: Evaluator
    result: Evaluation
    accuracy: dict[str, dict[str, float]]
    inputs: dict[str, dict[str, float]]
    transfers: list[Transfer]
    speed: dict[str, float]
    joint: dict[str, dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = "accuracy", "inputs", "joint", "speed"
        return self.result.to_dict() | {"changed": self.name} | {name: getattr(self, name) for name in names}

    def lines(self) -> list[str]:
        """How often each attribute is as it should be, a line for each."""
        found = []
        for name, accuracies in self.accuracy.items():
            verb = "changed" if self.name in (name, ALL) else "kept"
            shown = ", ".join(f"{judge} {value:.1f} %" for judge, value in accuracies.items())
            limits = ", ".join(f"{value:.1f}" for value in self.inputs[name].values())
            found.append(f"{name} {verb}: {shown} (of the inputs, their own label: {limits})")
        shown = ", ".join(f"{judge} {value:.1f} %" for judge, value in self.joint[OUTPUTS].items())
        return [*found, f"all as it should be: {shown}"]


@dataclass(frozen=True)
class AttributeEvaluation:
    """Judges for each attribute, trained apart from the model, and what they say of its rewritings."""

    run: FinishedRun
    evaluation: EvaluationConfig
    split: str = "test"

    @cached_property
    def evaluators(self) -> tuple[Evaluator, ...]:
        """One for each attribute, over the same sentences."""
        count = len(self.run.prepared.corpus.attributes)
        return tuple(self.run.evaluator(self.evaluation, self.split, attribute) for attribute in range(count))

    @cached_property
    def labels(self) -> np.ndarray:
        """(N, A) of the sentences."""
        return np.stack([evaluator.task.input_labels for evaluator in self.evaluators], axis=1)

    def __call__(self, name: str, **decoding: Any) -> Iterator[Changed]:
        """Each attribute changed alone into every other label, then all of them into the label after their own."""
        attributes = self.run.prepared.corpus.attributes
        for attribute, changed in enumerate(attributes.names):
            wanted = [self.shifted({attribute: shift}) for shift in range(1, attributes.sizes[attribute])]
            yield self.score(name, changed, attribute, np.concatenate(wanted), decoding)
        yield self.score(name, ALL, 0, self.shifted(dict.fromkeys(range(len(attributes)), 1)), decoding)

    def shifted(self, shifts: dict[int, int]) -> np.ndarray:
        """Labels (N, A) in which some attributes have another label: so many further on."""
        wanted = self.labels.copy()
        for attribute, shift in shifts.items():
            wanted[:, attribute] = (wanted[:, attribute] + shift) % len(self.evaluators[attribute].task.labels)
        return wanted

    def score(self, name: str, changed: str, attribute: int, wanted: np.ndarray, decoding: dict[str, Any]) -> Changed:
        """Write the sentences, over and over if `wanted` (k · N, A) is longer, and let all judges speak."""
        began = time.perf_counter()
        written = self.write(np.resize(np.arange(len(self.labels)), len(wanted)), wanted, decoding)
        seconds = time.perf_counter() - began
        transfers = [Transfer(r.row, r.labels[attribute], r.text) for r in written]
        names = self.run.prepared.corpus.attributes.names
        inputs = list(self.evaluators[0].task.inputs)
        texts = [r.text for r in written]
        labels = np.array([r.labels for r in written])
        evaluator = self.evaluators[attribute]
        if changed == ALL:  # references change the first attribute alone
            task = TransferTask(evaluator.task.labels, inputs, self.labels[:, 0].tolist(), source=evaluator.task.source)
            evaluator = Evaluator(evaluator.instruments, task, evaluator.config)
        references = [evaluator.task.references(transfer)[:1] for transfer in transfers]
        systems: dict[str, list[str | None]] = {
            OUTPUTS: list(texts),
            COPY: [inputs[r.row] for r in written],
            HUMAN: [row[0] if row else None for row in references],
        }
        return Changed(
            changed,
            evaluator,
            evaluator.score(transfers, name=name),
            {names[a]: self.judged(a, texts, labels[:, a]) for a in range(len(names))},
            {names[a]: self.judged(a, inputs, self.labels[:, a]) for a in range(len(names))},
            transfers,
            {"seconds": round(seconds, 3), "sentences_per_second": round(len(written) / seconds, 1)},
            {
                system: self.jointly(
                    [text for text in found if text is not None], labels[[x is not None for x in found]]
                )
                for system, found in systems.items()
                if any(text is not None for text in found)
            },
        )

    def write(self, rows: np.ndarray, wanted: np.ndarray, decoding: dict[str, Any]) -> list[Rewriting]:
        """The sentences `rows` (M,) with the labels `wanted` (M, A): only what differs from their own is asked for."""
        attributes, inputs = self.run.prepared.corpus.attributes, self.evaluators[0].task.inputs
        changes: dict[tuple[int, ...], list[int]] = {}  # labels asked for, -1 for those to be kept, and by which places
        for place, change in enumerate(np.where(wanted == self.labels[rows], -1, wanted).tolist()):
            changes.setdefault(tuple(change), []).append(place)
        found = []
        for change, places in changes.items():
            target = {attributes.names[a]: attributes.labels[a][label] for a, label in enumerate(change) if label >= 0}
            texts = [inputs[rows[place]] for place in places]
            outputs = self.run.transfer(texts, target=target, detokenise=False, **{"contract": False, **decoding})
            for place, text in zip(places, outputs, strict=True):
                found.append(Rewriting(int(rows[place]), tuple(wanted[place].tolist()), text))
        return found

    def judged(self, attribute: int, texts: list[str], labels: np.ndarray) -> dict[str, float]:
        """{judge: percent of the texts to which it gives their label}."""
        judges = self.evaluators[attribute].instruments.judges
        return {judge.name: round(100 * float(np.mean(judge.predict(texts) == labels)), 2) for judge in judges}

    def jointly(self, texts: list[str], labels: np.ndarray) -> dict[str, float]:
        """{judge: percent of the texts to which it gives their labels (N, A), each attribute's judge its own}."""
        judges = [evaluator.instruments.judges for evaluator in self.evaluators]
        found = {}
        for kinds in zip(*judges, strict=True):
            hits = [judge.predict(texts) == labels[:, attribute] for attribute, judge in enumerate(kinds)]
            found[kinds[0].name] = round(100 * float(np.all(hits, axis=0).mean()), 2)
        return found

    def probes(self, limit: int = 20_000) -> dict[str, dict[str, Any]]:
        """How well each attribute is read from z_c and from every block of z_s, its own and the others'."""
        fitted, measured = self.run.means(limit)
        names = self.run.prepared.corpus.attributes.names
        blocks = [np.split(x.means.style, len(names), axis=1) for x in (fitted, measured)]
        spaces = {"z_c": (fitted.means.content, measured.means.content)}
        spaces |= {f"z_s[{name}]": (train, dev) for name, train, dev in zip(names, *blocks, strict=True)}
        found = {}
        for attribute, name in enumerate(names):
            labels = fitted.labels[:, attribute], measured.labels[:, attribute]
            for space, (train, dev) in spaces.items():
                read = probe(train, labels[0], dev, labels[1], nonlinear=space == "z_c")
                found[f"{name} from {space}"] = read.to_dict()
        return found
