"""How much one user may ask of a demo that others share."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from textvae.errors import UserError
from textvae.text import normalise

MOST_ADDRESSES = 10_000
"""Addresses remembered; the one that has been silent longest is forgotten first."""


@dataclass(frozen=True)
class Limits:
    """What the demo accepts."""

    characters: int = 5000
    """Most characters of a text."""
    rate: int = 120
    """Most requests of one address a minute; so many at once, too."""

    def __post_init__(self) -> None:
        for name in ("characters", "rate"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} must be at least 1, not {getattr(self, name)}")

    @property
    def body_bytes(self) -> int:
        """Most bytes of an HTTP request: a page sends two texts, with up to twelve bytes a character in JSON."""
        return 24 * self.characters + 65536


class RateLimiter:
    """A bucket of `rate` requests for each address, filled evenly within a minute."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic):
        self.rate, self.clock = rate, clock
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when that was so
        self.lock = threading.Lock()

    def take(self, address: str) -> None:
        """Count a request; UserError with the seconds to wait where the bucket is empty."""
        with self.lock:
            now = self.clock()
            left, then = self.buckets.pop(address, (float(self.rate), now))
            left = min(float(self.rate), left + (now - then) * self.rate / 60)
            self.buckets[address] = (left - 1 if left >= 1 else left, now)
            while len(self.buckets) > MOST_ADDRESSES:
                self.buckets.popitem(last=False)
        if left < 1:
            wait = math.ceil((1 - left) * 60 / self.rate)
            raise UserError(f"That was a lot in a short time ({self.rate} requests a minute). Try again in {wait} s.")


def checked_text(text: object, what: str, most: int) -> str:
    """A text that is there and not too long; `what` names it in the message."""
    if isinstance(text, str) and len(text) > most:
        raise UserError(f"{what} has {len(text):,} characters; at most {most:,} are read here. Shorten it.")
    if not isinstance(text, str) or not normalise(text):
        raise UserError(f"{what} is empty: type or paste a text, or click an example.")
    return text


def checked_number(value: object, what: str, low: float, high: float) -> float:
    """A number between two others."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UserError(f"{what} must be a number.")
    if not low <= value <= high:
        raise UserError(f"{what} must be between {low:g} and {high:g}, not {value:g}.")
    return value


def checked_choice(value: object, what: str, choices: tuple[str, ...]) -> str:
    """One of the choices."""
    if value not in choices:
        raise UserError(f"{what}: choose one of {', '.join(choices)}.")
    return str(value)
