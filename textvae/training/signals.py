"""Ctrl-C and SIGTERM end a training at the next step, after a checkpoint; so does a terminal that goes away."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any


class StopRequest:
    """Context in which the first signal only sets `received`; a second Ctrl-C or SIGTERM ends the process as usual.

    SIGHUP (ssh broke, the window was closed) asks for an end too, unless nohup had it ignored, but never counts as the
    second: Ctrl-C also ends `accelerate launch`, which does not wait for its training, and where it led the terminal's
    session (`ssh -t HOST accelerate launch ...`), SIGHUP follows at once.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received: int | None = None
        self.previous: dict[int, Any] = {}
        self.terminals: list[int] = []

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self.terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]
            for number in self.SIGNALS:
                self.previous[number] = signal.signal(number, self.handle)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
                self.previous[signal.SIGHUP] = signal.signal(signal.SIGHUP, self.hang_up)
        return self

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remember the signal; hand the next one to whoever had it before."""
        self.received = number
        for other in self.SIGNALS:
            signal.signal(other, self.previous[other])

    def hang_up(self, number: int, frame: FrameType | None) -> None:
        """Remember it, and print nothing more: an error of writing would end the training before its checkpoint."""
        self.received = self.received or number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in self.terminals:
            os.dup2(nowhere, descriptor)
        os.close(nowhere)

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
