"""What every judge is: fit on (text, label) pairs, then label probabilities of prepared strings."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from safetensors.numpy import load_file, save

from textvae.errors import UserError
from textvae.files import atomic_write, write_json

logger = logging.getLogger(__name__)
Example = tuple[str, int]


class Judge(ABC):
    """A classifier of prepared strings into `num_labels` labels.

    Training weighs each label equally whatever its share in the data (John et al. 2019 do not say; without it
    the judge of a skewed corpus favours one direction of transfer). `dev_accuracy` is its share of right
    answers on the dev part, None when that was empty.
    """

    name: ClassVar[str]
    """Short name in tables and JSON; two judges of one evaluator must differ in it."""

    def __init__(self, num_labels: int, seed: int = 0) -> None:
        if num_labels < 2:
            raise UserError(f"a style judge needs at least two labels, the data have {num_labels}")
        self.num_labels = num_labels
        self.seed = seed
        self.dev_accuracy: float | None = None

    def fit(self, train: Iterable[Example], dev: Iterable[Example]) -> Self:
        """Train on `train`, measure on `dev`, both read once; UserError for a label without sentences."""
        held_out = list(dev)
        self._fit(train, held_out)
        if held_out:
            texts, labels = zip(*held_out, strict=True)
            self.dev_accuracy = float(np.mean(self.predict(texts) == np.asarray(labels)))
            logger.info("judge %s: dev accuracy %.4f on %d sentences", self.name, self.dev_accuracy, len(held_out))
        return self

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Most likely label of each text, (N,) int64; the lower index wins a tie."""
        return self.probabilities(texts).argmax(axis=1)

    @abstractmethod
    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """p(label | text), (N, S) float32, rows sum to 1; defined for an empty text too."""

    def save(self, folder: str | Path) -> None:
        """Write `judge.safetensors` and `judge.json` into `folder`."""
        folder = Path(folder)
        with atomic_write(folder / "judge.safetensors", binary=True) as handle:
            handle.write(save({key: np.ascontiguousarray(value) for key, value in self._arrays().items()}))
        common = {"kind": self.name, "num_labels": self.num_labels, "seed": self.seed}
        write_json(folder / "judge.json", common | {"dev_accuracy": self.dev_accuracy} | self.describe())

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read back what `save` wrote; predictions are equal."""
        folder = Path(folder)
        settings = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
        if settings["kind"] != cls.name:
            raise UserError(f"{folder}: holds a judge of kind {settings['kind']!r}, not {cls.name!r}")
        judge = cls(settings["num_labels"], settings["seed"])
        judge.dev_accuracy = settings["dev_accuracy"]
        judge._restore(settings, load_file(folder / "judge.safetensors"))
        return judge

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What `save` writes beside the arrays, as JSON; before `fit` the hyperparameters alone."""

    @abstractmethod
    def _fit(self, train: Iterable[Example], dev: Sequence[Example]) -> None: ...

    @abstractmethod
    def _arrays(self) -> dict[str, np.ndarray]: ...

    @abstractmethod
    def _restore(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> None: ...


def count_labels(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """Sentences per label, (S,) int64; UserError for a label out of range."""
    if wrong := labels[(labels < 0) | (labels >= num_labels)].tolist():
        raise UserError(f"a judge of {num_labels} labels was given a sentence with label {wrong[0]}")
    return np.bincount(labels, minlength=num_labels)


def check_all_seen(counts: np.ndarray) -> np.ndarray:
    """`counts` (S,) of sentences per label, as they are; UserError when a label has none."""
    if missing := np.flatnonzero(counts == 0).tolist():
        raise UserError(f"no training sentence has label {', '.join(map(str, missing))}: a judge cannot learn it")
    return counts


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax, (N, S) -> (N, S) float32."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
