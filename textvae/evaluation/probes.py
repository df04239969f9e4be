"""Probes: how well a linear classifier reads the style from a latent (John et al. 2019, table 1)."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textvae.evaluation.sampling import reservoir


@dataclass(frozen=True)
class ProbeResult:
    """Accuracies on dev, as fractions. `majority`: always answering the most frequent training label.

    nonlinear_accuracy: of a network with one hidden layer, where it was asked for.
    """

    accuracy: float
    nonlinear_accuracy: float | None
    majority: float
    train_size: int
    dev_size: int
    dimensions: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def probe(
    train_latents: np.ndarray,
    train_labels: np.ndarray,
    dev_latents: np.ndarray,
    dev_labels: np.ndarray,
    max_train: int = 20000,
    seed: int = 0,
    nonlinear: bool = False,
) -> ProbeResult:
    """Fit a logistic regression of the style on latent means of the train part, measure it on the dev part.

    Latents (N, Z) and (M, Z), labels (N,) and (M,). Latents are standardised by the training mean and
    deviation, labels weigh alike, at most `max_train` random training rows are used (a few seconds at 128
    dimensions). `nonlinear` fits a network of 128 hidden units too (some 20 s): what is erased for linear
    readers may still be there. ValueError for latents that are not finite, empty parts or sizes that
    disagree: a probe of broken latents would read as "no style here".
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    train_latents, train_labels = _check("train", train_latents, train_labels)
    dev_latents, dev_labels = _check("dev", dev_latents, dev_labels)
    if train_latents.shape[1] != dev_latents.shape[1]:
        raise ValueError(f"latents have {train_latents.shape[1]} dimensions in train, {dev_latents.shape[1]} in dev")
    rows = np.array(reservoir(range(len(train_labels)), max_train, seed))
    x, y = train_latents[rows], train_labels[rows]
    majority = float(np.mean(dev_labels == np.bincount(y).argmax()))
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1)

    def accuracy(reader: Any) -> float:
        if len(np.unique(y)) < 2:
            return float(np.mean(dev_labels == y[0]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # separable latents never converge; the accuracy is settled long before
            reader.fit((x - mean) / scale, y)
        return float(np.mean(reader.predict((dev_latents - mean) / scale) == dev_labels))

    linear = accuracy(LogisticRegression(class_weight="balanced", max_iter=500))
    network = MLPClassifier((128,), early_stopping=True, max_iter=30, random_state=seed) if nonlinear else None
    return ProbeResult(
        linear, None if network is None else accuracy(network), majority, len(y), len(dev_labels), x.shape[1]
    )


def _check(part: str, latents: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    latents, labels = np.asarray(latents, np.float64), np.asarray(labels, np.int64)
    if latents.ndim != 2 or labels.shape != latents.shape[:1] or len(labels) == 0:
        raise ValueError(f"{part}: latents {latents.shape} and labels {labels.shape} are not (N, Z) and (N,), N > 0")
    if not np.isfinite(latents).all():
        raise ValueError(f"{part}: {np.count_nonzero(~np.isfinite(latents).all(axis=1))} latents are not finite")
    return latents, labels
