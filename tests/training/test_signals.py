"""The first signal asks for an end, the second one ends."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from support import run_python

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


def test_a_lost_terminal_is_no_second_ctrl_c() -> None:
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop.received == signal.SIGINT


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.received is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_printing_to_a_lost_terminal_is_no_error() -> None:
    """Else the progress bar would end the training before its checkpoint."""
    code = """
import os, pty, signal
from textvae.training.signals import StopRequest
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup, by which the tests may have been started, has it ignored
master, screen = pty.openpty()
os.dup2(screen, 1)
os.close(screen)
with StopRequest() as stop:
    os.close(master)
    os.kill(os.getpid(), signal.SIGHUP)
    print("nobody can read this", flush=True)
    os.write(2, str(stop.received).encode())
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, str(int(signal.SIGHUP)))


def test_handlers_come_back_after_an_error() -> None:
    numbers = (*StopRequest.SIGNALS, signal.SIGHUP)
    before = {n: signal.getsignal(n) for n in numbers}
    with pytest.raises(RuntimeError), StopRequest():
        raise RuntimeError
    assert {n: signal.getsignal(n) for n in numbers} == before


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
