"""The test set of style transfer: sentences, labels, human rewritings; and outputs aligned with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from textvae.errors import UserError


class Transfer(NamedTuple):
    """One output: number of its input in the test set, label it was to have, prepared output."""

    row: int
    target: int
    output: str


Outputs = Sequence[str] | Mapping[int, Sequence[str]] | Sequence[Transfer]


class TransferTask:
    """`inputs` (N prepared strings) of labels `input_labels` (N,), each to be rewritten into another label.

    `references[i]`: prepared rewritings of input i, any number. With two labels each is in the other label;
    with more, `reference_labels` (of the same shape) says in which, and a reference counts only for transfers
    into its label; references without known label are left out. `source` names the test set in error
    messages.
    """

    def __init__(
        self,
        labels: Sequence[str],
        inputs: Sequence[str],
        input_labels: Sequence[int],
        references: Sequence[Sequence[str]] = (),
        reference_labels: Sequence[Sequence[int]] | None = None,
        source: str = "the test part",
    ) -> None:
        self.labels = tuple(labels)
        self.inputs = tuple(inputs)
        self.input_labels = np.asarray(input_labels, np.int64)
        self.source = source
        if not self.inputs:
            raise UserError(f"{source} has no sentences: there is nothing to evaluate on")
        if len(self.input_labels) != len(self.inputs) or (references and len(references) != len(self.inputs)):
            raise ValueError(f"{len(inputs)} inputs, {len(input_labels)} labels, {len(references)} lists of references")
        self._references: list[dict[int, list[str]]] = [{} for _ in self.inputs]
        for row, texts in enumerate(references):
            if reference_labels is not None:
                for text, label in zip(texts, reference_labels[row], strict=True):
                    self._references[row].setdefault(int(label), []).append(text)
            elif texts and len(self.labels) == 2:
                self._references[row][self.opposite(int(self.input_labels[row]))] = list(texts)

    def references(self, transfer: Transfer) -> list[str]:
        """Human rewritings of the transfer's input in the transfer's target label."""
        return self._references[transfer.row].get(transfer.target, [])

    def opposite(self, label: int) -> int:
        """The other of two labels; UserError with more, where each output needs a target."""
        if len(self.labels) != 2:
            raise UserError(f"with the labels {', '.join(self.labels)}, each output needs a target label of its own")
        return 1 - label

    def align(self, outputs: Outputs, targets: Sequence[int] | None = None) -> list[Transfer]:
        """Outputs in any of the forms that `Evaluator.score` takes; UserError where numbers disagree."""
        if isinstance(outputs, Mapping):
            return self._align_by_label(outputs)
        transfers = [output for output in outputs if not isinstance(output, str)]
        if len(transfers) != len(outputs):
            texts = [output for output in outputs if isinstance(output, str)]
            self._check_count(len(outputs), len(self.inputs), "")
            wanted = [self.opposite(int(label)) for label in self.input_labels] if targets is None else targets
            self._check_count(len(wanted), len(self.inputs), "")
            transfers = [Transfer(row, int(wanted[row]), text) for row, text in enumerate(texts)]
        for row, target, _ in transfers:
            if not 0 <= row < len(self.inputs) or not 0 <= target < len(self.labels):
                raise UserError(f"{self.source} has no sentence number {row}, or the data no label number {target}")
        return [Transfer(*transfer) for transfer in transfers]

    def _align_by_label(self, outputs: Mapping[int, Sequence[str]]) -> list[Transfer]:
        found = []
        for label in sorted(outputs):
            rows = np.flatnonzero(self.input_labels == label).tolist()
            which = f" with label {self.labels[label]!r}" if 0 <= label < len(self.labels) else f" with label {label}"
            self._check_count(len(outputs[label]), len(rows), which)
            target = self.opposite(label)
            found += [Transfer(row, target, text) for row, text in zip(rows, outputs[label], strict=True)]
        return found

    def _check_count(self, found: int, expected: int, which: str) -> None:
        if found != expected:
            raise UserError(
                f"{found} outputs, but {self.source} has {expected} sentences{which}: one output for each, in order"
            )
