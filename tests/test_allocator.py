"""The hint to the C library is taken where there is one, and harmless elsewhere."""

from __future__ import annotations

import pytest

from textvae import allocator


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda *_: pytest.fail("called"))
    assert allocator.keep_memory() is False


def test_a_library_without_the_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda *_: object())
    assert allocator.keep_memory() is False


def test_both_thresholds_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    class Library:
        @staticmethod
        def mallopt(option: int, value: int) -> int:
            calls.append((option, value))
            return 1

    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda *_: Library)
    assert allocator.keep_memory(1234) is True
    assert calls == [(allocator.M_MMAP_THRESHOLD, 1234), (allocator.M_TRIM_THRESHOLD, 1234)]
