"""The first signal asks for an end, the second one ends."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from textvae.training.signals import StopRequest


@pytest.fixture(autouse=True)
def main_thread() -> None:
    assert threading.current_thread() is threading.main_thread(), "signals are handled in the main thread only"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_only_remembered(number: int) -> None:
    before = {n: signal.getsignal(n) for n in StopRequest.SIGNALS}
    with StopRequest() as stop:
        assert stop.received is None
        os.kill(os.getpid(), number)
        assert stop.received == number
        assert {n: signal.getsignal(n) for n in StopRequest.SIGNALS} == before, "the next one acts as usual"
    assert {n: signal.getsignal(n) for n in StopRequest.SIGNALS} == before


def test_the_second_ctrl_c_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt), StopRequest():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_handlers_come_back_after_an_error() -> None:
    before = {n: signal.getsignal(n) for n in StopRequest.SIGNALS}
    with pytest.raises(RuntimeError), StopRequest():
        raise RuntimeError
    assert {n: signal.getsignal(n) for n in StopRequest.SIGNALS} == before


def test_other_threads_leave_the_handlers_alone() -> None:
    before = {n: signal.getsignal(n) for n in StopRequest.SIGNALS}
    found: list[bool] = []

    def work() -> None:
        with StopRequest() as stop:
            found.append(stop.received is None)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True] and {n: signal.getsignal(n) for n in StopRequest.SIGNALS} == before
