"""Weights over time, at the steps where released codes go wrong: 0, K − 1, K, K + 1."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.objectives.config import SCHEDULES, ScheduleName, Weight

K = 40
RISING = ("linear", "tanh")
every_schedule = pytest.mark.parametrize("name", sorted(SCHEDULES))


def weight(name: str, value: float = 3.0, start: int = 0, steps: int = K) -> Weight:
    return Weight(value, name, steps, start)  # type: ignore[arg-type]


def test_the_dict_and_the_option_name_the_same_schedules() -> None:
    assert set(get_args(ScheduleName)) == set(SCHEDULES)


@every_schedule
@given(step=st.integers(0, 10 * K), value=st.floats(0, 100), start=st.integers(0, 2 * K))
def test_a_weight_stays_between_zero_and_its_value(name: str, step: int, value: float, start: int) -> None:
    found = weight(name, value, start).at(step)
    assert 0.0 <= found <= value * (1 + 1e-12)
    assert step >= start or found == 0.0


@every_schedule
def test_the_start_only_moves_a_schedule(name: str) -> None:
    for step in (0, 1, K - 1, K, K + 1, 3 * K):
        assert weight(name, start=7).at(7 + step) == weight(name).at(step)
    assert weight(name, start=7).at(6) == 0.0


@pytest.mark.parametrize("name", RISING)
def test_rising_schedules_at_their_ends(name: str) -> None:
    at = weight(name).at
    assert at(0) == 0.0
    assert at(K // 2) == pytest.approx(1.5)
    assert 0.9 * 3.0 < at(K - 1) < 3.0
    assert at(K) == at(K + 1) == at(100 * K) == 3.0


@pytest.mark.parametrize("name", RISING)
def test_rising_schedules_rise_at_every_step(name: str) -> None:
    values = [weight(name).at(step) for step in range(K + 1)]
    assert all(a < b for a, b in zip(values, values[1:], strict=False)), "frozen near 0, as in a released code"


def test_linear_and_tanh_by_hand() -> None:
    assert weight("linear").at(10) == pytest.approx(3.0 * 10 / K)
    for step in range(1, K):
        by_hand = (math.tanh(6 * step / K - 3) - math.tanh(-3)) / (math.tanh(3) - math.tanh(-3))
        assert weight("tanh").at(step) == pytest.approx(3.0 * by_hand)


def test_constant_is_there_from_the_first_step() -> None:
    assert [Weight(3.0).at(step) for step in (0, 1, 10**6)] == [3.0] * 3
    assert Weight(3.0, start=5).at(4) == 0.0 and Weight(3.0, start=5).at(5) == 3.0


def test_cyclical_rises_in_the_first_half_of_every_cycle() -> None:
    at = weight("cyclical").at
    for cycle in range(4):
        first = cycle * K
        assert at(first) == 0.0
        assert at(first + K // 4) == pytest.approx(1.5)
        assert at(first + K // 2 - 1) < 3.0
        assert at(first + K // 2) == at(first + K - 1) == 3.0


def test_a_weight_of_zero_stays_zero() -> None:
    assert all(weight(name, 0.0).at(step) == 0.0 for name in SCHEDULES for step in (0, K, 3 * K))


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"constant"}))
def test_a_schedule_without_length_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="steps"):
        weight(name, steps=0)


def test_a_schedule_before_the_first_step_is_refused() -> None:
    with pytest.raises(UserError, match="start"):
        Weight(1.0, start=-1)
