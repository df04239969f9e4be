"""What a person sees while a training runs."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Reporter(Protocol):
    """Told what happens; the loop knows nothing of terminals."""

    def step(self, step: int, total: int, values: dict[str, float]) -> None:
        """Averages since the last call."""

    def message(self, text: str) -> None:
        """A line of its own: evaluations, samples, checkpoints, warnings."""

    def close(self) -> None:
        """The training is over."""


def summary(values: dict[str, float]) -> str:
    """`J_rec 3.21  J_kl_s 1.20 …  11,502 tokens/s`: every logged J whose weight is not 0, and the speed."""
    weights = {name.rsplit("/", 1)[-1]: v for name, v in values.items() if name.startswith("train/lambda/")}
    terms = {name.rsplit("/", 1)[-1]: v for name, v in values.items() if not name.startswith("train/lambda/")}
    shown = [f"{name} {v:.3f}" for name, v in terms.items() if name.startswith("J_") and weights.get(name, 1.0) != 0]
    speed = values.get("train/tokens_per_second")
    return "  ".join(shown + ([f"{speed:,.0f} tokens/s"] if speed else []))


class BarReporter:
    """A progress bar on a terminal; messages scroll above it."""

    def __init__(self) -> None:
        self.bar = Progress(
            BarColumn(24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[terms]}"),
            console=Console(stderr=True),
        )
        self.task = self.bar.add_task("train", total=None, terms="")
        self.bar.start()

    def step(self, step: int, total: int, values: dict[str, float]) -> None:
        """Move the bar."""
        self.bar.update(self.task, completed=step, total=total, terms=summary(values))

    def message(self, text: str) -> None:
        """Print above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the bar where it is."""
        self.bar.stop()


class LineReporter:
    """Plain lines for logs and pipes, at most one in `interval` seconds."""

    def __init__(self, interval: float = 10.0) -> None:
        self.interval, self.started, self.shown, self.first = interval, time.monotonic(), 0.0, -1

    def step(self, step: int, total: int, values: dict[str, float]) -> None:
        """A line with the time that is left."""
        now = time.monotonic()
        if self.first < 0:
            self.started, self.first = now, step
        if now - self.shown < self.interval and step < total:
            return
        self.shown = now
        done = step - self.first
        left = (now - self.started) / done * (total - step) if done else 0.0
        clock = f"{int(left) // 60}:{int(left) % 60:02d} left  " if done else ""
        self.message(f"step {step}/{total}  {clock}{summary(values)}")

    def message(self, text: str) -> None:
        """To standard error, at once."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing to close."""


class SilentReporter:
    """For processes other than the first, and for tests."""

    def step(self, step: int, total: int, values: dict[str, float]) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def make_reporter(main_process: bool, quiet: bool = False) -> Reporter:
    """A bar on a terminal, lines elsewhere, nothing on other processes."""
    if not main_process or quiet:
        return SilentReporter()
    return BarReporter() if sys.stderr.isatty() else LineReporter()
