"""Contradictions are refused where they are written."""

from __future__ import annotations

import pytest

from textvae.errors import UserError
from textvae.training.config import TrainingConfig

COUNTS = (
    "batch_size",
    "accumulation",
    "epochs",
    "adversary_updates",
    "checkpoint_every",
    "keep_checkpoints",
    "log_every",
)


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", [0, -1])
def test_counts_are_at_least_one(name: str, value: int) -> None:
    with pytest.raises(UserError, match=name):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize("name", ["max_steps", "evaluate_every", "patience"])
@pytest.mark.parametrize("value", [0, -1])
def test_optional_counts_too(name: str, value: int) -> None:
    with pytest.raises(UserError, match=name):
        TrainingConfig(**{name: value})
    assert getattr(TrainingConfig(), name) is None


@pytest.mark.parametrize("name", ["learning_rate", "adversary_learning_rate"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_rates_are_positive(name: str, value: float) -> None:
    with pytest.raises(UserError, match="rate"):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize("name", ["clip_norm", "weight_decay", "warmup_steps"])
def test_nothing_else_is_negative(name: str) -> None:
    with pytest.raises(UserError, match=name):
        TrainingConfig(**{name: -1})


def test_the_length_is_that_of_epochs_recipe_or_steps_whichever_ends_first() -> None:
    assert TrainingConfig(epochs=3).steps(7) == 21
    assert TrainingConfig(epochs=3, max_steps=5).steps(7) == 5
    assert TrainingConfig(epochs=None, max_steps=500).steps(7) == 500
    assert TrainingConfig(epochs=3).steps(7, wanted=100) == 100
    assert TrainingConfig(epochs=3, max_steps=5).steps(7, wanted=100) == 5
    with pytest.raises(UserError, match="max_steps"):
        TrainingConfig(epochs=None)


def test_a_batch_is_a_whole_number_of_micro_batches() -> None:
    with pytest.raises(UserError, match="multiple"):
        TrainingConfig(batch_size=10, accumulation=4)
    assert TrainingConfig(batch_size=12, accumulation=4).accumulation == 4
