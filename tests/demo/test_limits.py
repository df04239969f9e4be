"""What one user may ask for."""

from __future__ import annotations

import math

import pytest

from textvae.errors import UserError
from textvae.extras.demo import limits
from textvae.extras.demo.limits import Limits, RateLimiter, checked_choice, checked_number, checked_text


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_address_that_asks_too_much_waits_as_long_as_it_is_told() -> None:
    clock = Clock()
    limiter = RateLimiter(6, clock)
    for _ in range(6):
        limiter.take("a")
    with pytest.raises(UserError, match="Try again in 10 s"):
        limiter.take("a")
    limiter.take("b")  # another address has a bucket of its own
    clock.now += 9.9
    with pytest.raises(UserError, match="Try again in 1 s"):
        limiter.take("a")
    clock.now += 0.2
    limiter.take("a")
    clock.now += 1e6  # a long silence is not saved up
    for _ in range(6):
        limiter.take("a")
    with pytest.raises(UserError):
        limiter.take("a")


def test_addresses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ADDRESSES", 3)
    limiter = RateLimiter(1, Clock())
    for address in "abcd":
        limiter.take(address)
    assert list(limiter.buckets) == ["b", "c", "d"]


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", None, 3, "x" * 11])
def test_texts_that_are_refused(text: object) -> None:
    with pytest.raises(UserError, match="The text"):
        checked_text(text, "The text", 10)


@pytest.mark.parametrize("value", [None, "2", True, math.nan, math.inf, 0, 4])
def test_numbers_that_are_refused(value: object) -> None:
    with pytest.raises(UserError, match="The number"):
        checked_number(value, "The number", 1, 3)


def test_what_is_accepted_comes_back() -> None:
    assert checked_text("x" * 10, "", 10) == "x" * 10
    assert checked_number(2, "", 1, 3) == 2 and checked_choice("b", "", ("a", "b")) == "b"
    with pytest.raises(UserError, match="a, b"):
        checked_choice(["a"], "It", ("a", "b"))


@pytest.mark.parametrize("name", ["characters", "rate"])
def test_limits_that_let_nothing_through(name: str) -> None:
    with pytest.raises(UserError, match=f"--{name}"):
        Limits(**{name: 0})
