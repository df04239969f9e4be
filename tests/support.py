"""Helpers of the tests that run the project as a user does: in a process of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPU = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
"""Environment of every process: no GPU, one thread."""

TRAIN_SUMMARIZER = ("train.py", "--config", "configs/toy/news.yaml")
SHORT_SUMMARIZER = (
    "--stages=[{name: denoise, steps: 12}, {name: reconstructor, steps: 4}, {name: back_translation, steps: 4}, "
    "{name: adversarial, steps: 4}]",
    *("--training.evaluate_every", "12", "--training.checkpoint_every", "6", "--training.keep_checkpoints", "9"),
)


def run_python(
    *arguments: str, cwd: Path = ROOT, timeout: float = 300, **environment: str
) -> subprocess.CompletedProcess:
    """A Python process on the CPU, one thread, with its output captured."""
    env = {**os.environ, **CPU, **environment}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout
    )


class Terminal:
    """A command that leads the session of a terminal of its own and stands in its foreground: typing reaches it."""

    LEADER = (
        "import os, sys\n"
        "terminal = os.open(sys.argv[1], os.O_RDWR)\n"  # the first that a session's leader opens controls the session
        "for descriptor in range(3):\n"
        "    os.dup2(terminal, descriptor)\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )

    def __init__(self, *command: str, cwd: Path = ROOT, **environment: str):
        self.keyboard, screen = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.LEADER, os.ttyname(screen), *command],
            cwd=cwd,
            env={**os.environ, **CPU, **environment},
            start_new_session=True,
        )
        self.shown = b""
        # Somebody must read, or the command stops when the screen is full. Open until it has opened it too.
        self.reader = threading.Thread(target=self._read, args=(screen,), daemon=True)
        self.reader.start()

    def _read(self, screen: int) -> None:
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while block := os.read(self.keyboard, 1 << 16):
                self.shown += block
                if screen >= 0:
                    os.close(screen)
                    screen = -1

    def type(self, keys: bytes) -> None:
        """Press keys; b"\\x03" is Ctrl-C."""
        os.write(self.keyboard, keys)


def running(words: str) -> list[int]:
    """Processes whose command line holds `words`; zombies have none."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # gone meanwhile
            if words.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Look every 20 ms; AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)
