"""Rates by hand at their corners; the optimizers of the paper."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.laws import assert_close
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import adversary_optimizer, model_optimizer, rate_factor, set_rate

TOTAL = 100


def config(decay: str = "linear", warmup: int = 10) -> TrainingConfig:
    return TrainingConfig(decay=decay, warmup_steps=warmup)  # type: ignore[arg-type]


@pytest.mark.parametrize("decay", ["constant", "linear", "cosine"])
def test_warm_up_rises_to_the_peak(decay: str) -> None:
    factors = [rate_factor(step, TOTAL, config(decay)) for step in range(11)]
    assert factors[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert factors[10] == 1.0
    assert rate_factor(0, TOTAL, config(decay, 0)) == 1.0


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_decay_ends_at_a_tenth(decay: str) -> None:
    assert rate_factor(TOTAL, TOTAL, config(decay)) == pytest.approx(0.1)
    assert rate_factor(TOTAL + 50, TOTAL, config(decay)) == pytest.approx(0.1)
    assert rate_factor(55, TOTAL, config(decay)) == pytest.approx(0.55)
    assert rate_factor(99, TOTAL, config("constant")) == 1.0


@given(st.integers(0, 150), st.integers(0, 120), st.sampled_from(["constant", "linear", "cosine"]))
def test_factors_stay_in_bounds(step: int, warmup: int, decay: str) -> None:
    factor = rate_factor(step, TOTAL, config(decay, warmup))
    assert 0 < factor <= 1 and (step < warmup or factor >= 0.1 - 1e-12)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_model_moves_as_torchs_plain_adam(weight_decay: float) -> None:
    ours, theirs = (nn.Parameter(torch.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    settings = TrainingConfig(learning_rate=0.1, weight_decay=weight_decay)
    kind = torch.optim.AdamW if weight_decay else torch.optim.Adam
    pairs = [(ours, model_optimizer([ours], settings)), (theirs, kind([theirs], lr=0.1, weight_decay=weight_decay))]
    for parameter, optimizer in pairs:
        for _ in range(5):
            (parameter**2).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert_close(ours.detach(), theirs.detach(), 1e-6)


def test_the_adversaries_move_by_rmsprop() -> None:
    parameter = nn.Parameter(torch.tensor([2.0]))
    optimizer = adversary_optimizer([parameter], TrainingConfig(adversary_learning_rate=0.01))
    (3 * parameter).sum().backward()
    optimizer.step()
    # v = .01 · 3², so the first step is lr · 3 / √.09 = 10 lr.
    assert parameter.item() == pytest.approx(2.0 - 0.1, abs=1e-6)


def test_every_group_gets_the_rate() -> None:
    parameters = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 3.0}], lr=1.0)
    set_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
