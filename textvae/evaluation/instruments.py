"""The trained parts of an evaluation: judges, language model, word vectors; cached by their training data."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from safetensors import SafetensorError

from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.judges.base import Example, Judge
from textvae.evaluation.judges.cnn import CnnJudge
from textvae.evaluation.judges.ngram import NgramJudge
from textvae.evaluation.sampling import reservoir
from textvae.evaluation.word_vectors import WordVectors
from textvae.inference.kneser_ney import KneserNey

logger = logging.getLogger(__name__)

JUDGES: dict[str, type[Judge]] = {"ngram": NgramJudge, "cnn": CnnJudge}
VERSION = 1
"""Raise it when a change of code changes what is trained: older caches are then left alone."""


Acceptance = Callable[[Sequence[str], Sequence[str], Sequence[int]], np.ndarray]


@dataclass(frozen=True)
class Instruments:
    """What the measures need. `excluded`: style and stop words, which are not content."""

    judges: tuple[Judge, ...]
    language_model: KneserNey
    vectors: WordVectors
    excluded: frozenset[str] = frozenset()
    acceptance: Acceptance | None = None
    """P that a reader accepts, (N,), of inputs, outputs and numbers of target labels; None: nobody tells."""


class Storable(Protocol):
    def save(self, folder: str | Path) -> None: ...


P = TypeVar("P", bound=Storable)


class _Data:
    """Training and dev sentences, read only when something has to be trained."""

    def __init__(self, train: Iterable[Example], dev: Iterable[Example], config: EvaluationConfig) -> None:
        self._source = train
        self.dev = reservoir(dev, config.max_dev_sentences, config.seed)
        self._config = config

    @cached_property
    def train(self) -> list[Example]:
        return reservoir(self._source, self._config.max_train_sentences, self._config.seed)

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.train]


def build_instruments(
    train: Iterable[Example],
    dev: Iterable[Example],
    num_labels: int,
    cache_dir: str | Path,
    fingerprint: str,
    excluded: Iterable[str] = (),
    config: EvaluationConfig | None = None,
) -> Instruments:
    """Load the trained parts from `cache_dir`; train and store those that are not there (a minute on Yelp).

    `train` and `dev` yield (prepared string, label). `fingerprint` stands for the training data; the dev
    sentences enter the key as well, so that another preparation of the same files is not mistaken for it.
    """
    config = config or EvaluationConfig()
    data = _Data(train, dev, config)
    dev_digest = hashlib.sha256(json.dumps([(text, int(label)) for text, label in data.dev]).encode()).hexdigest()
    common = [VERSION, fingerprint, dev_digest, num_labels, config.seed, config.max_train_sentences]
    order, size = config.language_model_order, config.vector_size

    def part(name: str, settings: Any, load: Callable[[Path], P], fit: Callable[[], P]) -> P:
        key = hashlib.sha256(json.dumps([*common, name, settings]).encode()).hexdigest()[:16]
        return cached(Path(cache_dir) / f"{name}-{key}", load, fit)

    judges: list[Judge] = []
    for name, kind in JUDGES.items():
        judge = kind(num_labels, config.seed)
        judges.append(part(name, judge.describe(), kind.load, partial(_fit_judge, judge, data)))
    return Instruments(
        tuple(judges),
        part("language_model", order, KneserNey.load, lambda: KneserNey(order).fit(data.texts)),
        part(
            "word_vectors",
            size,
            WordVectors.load,
            lambda: WordVectors.fit(data.texts, size, seed=config.seed),
        ),
        frozenset(excluded),
    )


def _fit_judge(judge: Judge, data: _Data) -> Judge:
    return judge.fit(data.train, data.dev)


def cached(folder: Path, load: Callable[[Path], P], fit: Callable[[], P]) -> P:
    """What `folder` holds, or what `fit` returns, stored there for the next time.

    The folder is written beside its place and renamed, so it is whole or absent; one that cannot be read is
    replaced. Of two processes that train the same part at once, the first to finish is kept.
    """
    if folder.is_dir():
        try:
            return load(folder)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            logger.warning("%s: cannot be read (%s); training it again", folder.name, error)
            shutil.rmtree(folder, ignore_errors=True)
    logger.info("training %s", folder.name)
    part = fit()
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        part.save(temporary)
        _rename(temporary, folder)
    except OSError as error:
        remedy = "make room or choose another cache folder"
        raise UserError(f"{folder}: cannot be written ({error.strerror or error}); {remedy}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return part


def _rename(temporary: Path, folder: Path) -> None:
    try:
        os.rename(temporary, folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # else another process was faster
            raise
