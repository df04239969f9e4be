"""Is a run over, stopped, or training now? Told from what it wrote and when: a run keeps no list of its processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from textvae.extras.report.records import RunRecord, look_up, number

StateName = Literal["finished", "training", "stopped"]
PATIENT, MOST_PATIENT = 120.0, 3600.0
"""Seconds without a line after which a run may count, and after which it does count, as stopped."""


@dataclass(frozen=True)
class State:
    """name; step of total (None where the files do not tell); early: out of patience before the last step."""

    name: StateName
    step: int
    total: int | None
    early: bool = False

    def __str__(self) -> str:
        if self.name == "finished":
            return f"finished{' early' if self.early else ''} at {self.step}"
        of = "" if self.total is None else f" of {self.total}"
        return f"{'training' if self.name == 'training' else 'stopped'} at {self.step}{of}"


def state_of(record: RunRecord, now: float) -> State:
    """The state at the time `now` (seconds since 1970)."""
    step, total = record.steps, total_steps(record)
    patience = number(look_up(record.config, "training.patience"))
    if total is not None and step >= total:
        return State("finished", step, total)
    if patience and (number(record.progress.get("evaluations_since_best")) or 0) >= patience:
        return State("finished", step, total, early=True)
    alive = now - last_written(record.folder) < longest_silence(record)
    return State("training" if alive else "stopped", step, total)


def total_steps(record: RunRecord) -> int | None:
    """Steps that the configuration asks for; the number of sentences comes from data.json."""
    limit = number(look_up(record.config, "training.max_steps"))
    stages = record.config.get("stages")
    if isinstance(stages, list):
        planned: float | None = sum(number(look_up(stage, "steps")) or 0 for stage in stages)
    else:
        planned = epoch_steps(record)
    known = [int(value) for value in (planned, limit) if value]
    return min(known, default=None)


def epoch_steps(record: RunRecord) -> float | None:
    """Epochs times their batches, as the loader counts them (a last batch smaller than the processes is left out)."""
    size, epochs = (number(look_up(record.config, f"training.{name}")) for name in ("batch_size", "epochs"))
    sentences = number(record.data.get("train"))
    if not size or not epochs or sentences is None:
        return None
    whole, left = divmod(sentences - (number(record.data.get("too_long_for_the_model")) or 0), size)
    return epochs * (whole + (left >= (number(record.environment.get("num_processes")) or 1)))


def last_written(folder: Path) -> float:
    """When a file of the run was last written (seconds since 1970); evaluations do not count."""
    names = ("config.yaml", "environment.json", "tokenizer", "data.json", "metrics.jsonl", "checkpoints", "best")
    return max((modified(folder / name) for name in names), default=0.0)


def modified(path: Path) -> float:
    """When a file, or the list of a folder's files, changed; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def longest_silence(record: RunRecord) -> float:
    """Seconds that this run may be silent: three times its longest pause of late, which an evaluation makes."""
    times = [t for row in record.metrics[-60:] if (t := number(row.get("time"))) is not None]
    pauses = [after - before for before, after in zip(times, times[1:], strict=False)]
    if not pauses:  # data are being prepared, or the first evaluation is under way
        return 5 * PATIENT
    return min(max(3 * max(pauses), PATIENT), MOST_PATIENT)


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; links are not followed, and what vanishes meanwhile counts nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total
