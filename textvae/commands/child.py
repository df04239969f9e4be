"""A command of ours in a process of its own, which ends as it would on a terminal when we are asked to end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType


def run_textvae(arguments: Sequence[str], log: Path) -> tuple[int, int | None]:
    """Exit code of `textvae ARGUMENTS`, and the signal that came meanwhile; what it says is appended to `log`.

    A process of its own: accelerate's state, memory and threads begin afresh, and the run records the command that
    repeats it. Its own process group: Ctrl-C reaches it once, through us, and it ends after a checkpoint; a second
    signal ends it at once.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    received: list[int] = []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "textvae.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

        def forward(number: int, frame: FrameType | None) -> None:
            received.append(number)
            process.send_signal(number)

        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        kept = [n for n in wanted if signal.getsignal(n) is not signal.SIG_IGN]
        before = {number: signal.signal(number, forward) for number in kept}
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code, received[0] if received else None


def last_line(log: Path) -> str:
    """The last thing that a log says; "" where it says nothing."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""
