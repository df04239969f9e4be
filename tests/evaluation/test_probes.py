"""Probes find what is there, do not find what is not, and refuse broken latents."""

from __future__ import annotations

import json

import numpy as np
import pytest

from textvae.evaluation.probes import probe

RNG = np.random.default_rng(0)


def latents(count: int, labels: int, signal: float, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    y = RNG.integers(0, labels, count)
    z = RNG.normal(size=(count, 6))
    z[:, 0] += signal * y
    return scale * z, y


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_finds_a_linear_signal_at_any_scale(labels: int, scale: float) -> None:
    result = probe(*latents(600, labels, 8, scale), *latents(300, labels, 8, scale))
    assert result.accuracy > 0.97
    assert result.majority < 0.65


def test_only_the_network_finds_what_is_not_linear() -> None:
    def ring(count: int) -> tuple[np.ndarray, np.ndarray]:
        z = RNG.normal(size=(count, 2))
        return z, (np.linalg.norm(z, axis=1) > 1.2).astype(int)

    result = probe(*ring(2000), *ring(500), nonlinear=True)
    assert result.accuracy < 0.65 and result.nonlinear_accuracy is not None and result.nonlinear_accuracy > 0.9
    assert probe(*ring(50), *ring(50)).nonlinear_accuracy is None


def test_finds_nothing_in_noise() -> None:
    result = probe(*latents(600, 2, 0), *latents(600, 2, 0))
    assert abs(result.accuracy - 0.5) < 0.08


def test_is_measured_on_dev() -> None:
    """Fifty dimensions separate forty points of noise: a probe measured on its training part would say 1."""
    train, dev = RNG.normal(size=(40, 50)), RNG.normal(size=(400, 50))
    assert probe(train, RNG.integers(0, 2, 40), dev, RNG.integers(0, 2, 400)).accuracy < 0.65


def test_majority_is_of_the_training_labels() -> None:
    z = RNG.normal(size=(10, 2))
    assert probe(z, np.array([1] * 7 + [0] * 3), z, np.array([1] * 4 + [0] * 6)).majority == 0.4


def test_collapsed_latents_and_one_label() -> None:
    y = np.array([0, 1] * 20)
    assert probe(np.zeros((40, 3)), y, np.zeros((40, 3)), y).accuracy == 0.5
    assert probe(np.zeros((4, 3)), np.ones(4, int), np.zeros((40, 3)), y).accuracy == 0.5


def test_at_most_max_train_rows_and_json() -> None:
    result = probe(*latents(300, 2, 8), *latents(50, 2, 8), max_train=100)
    assert (result.train_size, result.dev_size, result.dimensions) == (100, 50, 6)
    assert json.loads(json.dumps(result.to_dict()))["train_size"] == 100


def test_broken_latents_are_refused() -> None:
    z, y = latents(20, 2, 1)
    broken = z.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 latents are not finite"):
        probe(broken, y, z, y)
    with pytest.raises(ValueError, match="dev"):
        probe(z, y, z, y[:-1])
    with pytest.raises(ValueError, match="dimensions"):
        probe(z, y, z[:, :3], y)
    with pytest.raises(ValueError, match="train"):
        probe(z[:0], y[:0], z, y)
