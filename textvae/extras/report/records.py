"""A run directory as it is, whole or not: everything readable is read, everything else is named. Nothing raises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from textvae.errors import UserError
from textvae.files import display

TRACES = ("config.yaml", "environment.json", "data.json", "metrics.jsonl", "tokenizer", "checkpoints", "best")
"""What a training leaves; a folder with two of them (or a configuration) is a run directory."""


@dataclass(frozen=True)
class RunRecord:
    """What is written in a run directory. A file that is missing or broken is an empty mapping, and a problem.

    metrics: lines with a `step`, in the order of the file. progress: that of the newest checkpoint.
    evaluation: `evaluation/metrics.json`, empty before `textvae evaluate`. changed: with several attributes the same of
    each that was changed, `evaluation/NAME/metrics.json`.
    """

    folder: Path
    config: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any]
    metrics: tuple[dict[str, Any], ...]
    progress: dict[str, Any]
    evaluation: dict[str, Any]
    problems: tuple[str, ...]
    changed: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return printable(display(self.folder.name or self.folder.resolve().name))

    @property
    def task(self) -> str | None:
        """The task trained; a configuration that names none is of the first task there was."""
        task = self.config.get("task", "style_transfer")
        return task if self.config and isinstance(task, str) else None

    @property
    def steps(self) -> int:
        """Steps that have left a trace."""
        logged = max((row["step"] for row in self.metrics), default=0)
        return max(logged, int(number(self.progress.get("step")) or 0))

    def best(self) -> tuple[float, int] | None:
        """Best dev score and its step; None before the first evaluation."""
        scores = [(s, row["step"]) for row in self.metrics if (s := number(row.get("dev/score"))) is not None]
        return max(scores, key=lambda pair: pair[0], default=None)


def number(value: Any) -> float | None:
    """A finite number, or None for anything else."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if real else None


def printable(text: str) -> str:
    """A text without control characters, which could move a terminal's cursor."""
    return "".join(c if c.isprintable() else "�" for c in text)


def look_up(values: Any, dotted: str) -> Any:
    """The value of a dotted name in nested mappings; None where there is none."""
    for key in dotted.split("."):
        values = values.get(key) if isinstance(values, dict) else None
    return values


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run directory, a broken one included."""
    found = [name for name in TRACES if (folder / name).exists()]
    return "config.yaml" in found or len(found) > 1


def read_run(folder: Path) -> RunRecord:
    """Read a run directory; UserError only where there is no such folder, or one without any trace of a training."""
    if not folder.is_dir():
        raise UserError(f"{display(folder)} is not a folder; give a run directory as `textvae train` leaves it")
    if not is_run(folder):
        raise UserError(f"{display(folder)} holds no run; give a folder with a config.yaml that `textvae train` wrote")
    problems: list[str] = []
    config = read_mapping(folder / "config.yaml", problems)
    environment = read_mapping(folder / "environment.json", problems)
    data = read_mapping(folder / "data.json", problems)
    metrics = read_metrics(folder / "metrics.jsonl", problems)
    progress = read_progress(folder / "checkpoints", problems)
    evaluation = read_mapping(folder / "evaluation" / "metrics.json", problems, needed=False)
    names = evaluation.get("attributes")
    places = {str(n): folder / "evaluation" / str(n) for n in names} if isinstance(names, dict) else {}
    below = {name: read_mapping(place / "metrics.json", problems) for name, place in places.items()}
    if (folder / "best").is_dir() and not list((folder / "best").glob("*.safetensors")):
        problems.append("best/ has no weights")
    return RunRecord(folder, config, environment, data, metrics, progress, evaluation, tuple(problems), below)


def read_mapping(path: Path, problems: list[str], needed: bool = True) -> dict[str, Any]:
    """A JSON or YAML file that holds a mapping; else {} and a problem."""
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)
    except FileNotFoundError:
        if needed:
            problems.append(f"{path.name} is missing")
        return {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        problems.append(f"{path.name} cannot be read ({type(error).__name__})")
        return {}
    if not isinstance(values, dict):
        problems.append(f"{path.name} holds no mapping")
        return {}
    return values


def read_metrics(path: Path, problems: list[str]) -> tuple[dict[str, Any], ...]:
    """The lines of metrics.jsonl. A last line without its end is being written, and is left out without a word."""
    try:
        blocks = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return ()
    except OSError as error:
        problems.append(f"metrics.jsonl cannot be read ({error.strerror})")
        return ()
    rows, wrong = [], 0
    for block in filter(bytes.strip, blocks[:-1]):
        row = parse_line(block)
        wrong += row is None
        rows += [] if row is None else [row]
    if wrong:
        problems.append(f"metrics.jsonl: {wrong} line{'s' * (wrong > 1)} cannot be read")
    return tuple(rows)


def parse_line(block: bytes) -> dict[str, Any] | None:
    """A line of metrics with an integer step, or None."""
    try:
        row = json.loads(block)
    except (ValueError, RecursionError):
        return None
    usable = isinstance(row, dict) and isinstance(row.get("step"), int) and not isinstance(row["step"], bool)
    return row if usable else None


def read_progress(folder: Path, problems: list[str]) -> dict[str, Any]:
    """How far the newest checkpoint had come. Only the sizes of its files are checked: checksums read gigabytes."""
    for checkpoint in sorted(folder.glob("step_*"), reverse=True)[:1]:
        found: list[str] = []
        manifest = read_mapping(checkpoint / "manifest.json", found)
        state = read_mapping(checkpoint / "state.json", found)
        for name, entry in manifest.items():
            if size_of(checkpoint / name) != look_up(entry, "bytes"):
                found.append(f"{name} is not whole")
        problems += [f"{checkpoint.name}: {problem}" for problem in found]
        progress = state.get("progress")
        return progress if isinstance(progress, dict) else {}
    return {}


def size_of(path: Path) -> int:
    """Bytes of a file; -1 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
