"""The runs below some folders, a row each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textvae.errors import UserError
from textvae.extras.report.records import RunRecord, is_run, look_up, number, printable, read_run
from textvae.extras.report.state import State, disk_bytes, last_written, modified, state_of
from textvae.files import display

DEPTH = 3
"""How deep runs are looked for."""
PRIVATE = ("run", "cache", "resume", "overwrite", "quiet", "verbose", "training.seed")
"""Options of a training that say nothing of its recipe."""


@dataclass(frozen=True)
class RunRow:
    """One run. started, written: seconds since 1970 (0: unknown); recipe: configuration and options of its command."""

    path: str
    task: str | None
    data: str | None
    recipe: str | None
    state: State
    best_score: float | None
    best_step: int | None
    seed: int | None
    started: float
    written: float
    bytes: int
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


SORTS: dict[str, Callable[[RunRow], Any]] = {
    "name": lambda row: row.path,
    "task": lambda row: (row.task or "", row.data or "", row.path),
    "score": lambda row: -float("inf") if row.best_score is None else row.best_score,
    "step": lambda row: row.state.step,
    "age": lambda row: -row.written,
    "size": lambda row: row.bytes,
}
"""What a list can be sorted by."""


def find_runs(folders: Iterable[Path]) -> Iterator[Path]:
    """The folders themselves where they are runs, else the runs below them, each once; UserError for no folder."""
    seen: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{display(folder)}: no such folder; name the folder that holds your runs")
        for run in below(folder, DEPTH):
            if run.resolve() not in seen:
                seen.add(run.resolve())
                yield run


def below(folder: Path, depth: int) -> Iterator[Path]:
    """Runs at or below a folder."""
    if is_run(folder):
        yield folder
    elif depth:
        try:
            inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        except OSError:  # a folder that may not be read holds nothing that could be listed
            return
        for path in inside:
            yield from below(path, depth - 1)


def list_runs(folders: Iterable[Path], now: float | None = None) -> list[RunRow]:
    """A row for every run, by name."""
    now = time.time() if now is None else now
    return sorted((row_of(read_run(run), now) for run in find_runs(folders)), key=SORTS["name"])


def row_of(record: RunRecord, now: float) -> RunRow:
    """What the list tells of a run."""
    best, seed = record.best(), number(look_up(record.config, "training.seed"))
    return RunRow(
        path=printable(display(record.folder)),
        task=record.task,
        data=data_name(record.config),
        recipe=recipe_name(record.environment.get("command")),
        state=state_of(record, now),
        best_score=None if best is None else best[0],
        best_step=None if best is None else best[1],
        seed=None if seed is None else int(seed),
        started=started(record),
        written=last_written(record.folder),
        bytes=disk_bytes(record.folder),
        problems=record.problems,
    )


def started(record: RunRecord) -> float:
    """When the run began: its tokenizer is written once, configuration and environment again when it is resumed."""
    times = [modified(record.folder / name) for name in ("tokenizer", "config.yaml")]
    return min((t for t in times if t), default=0.0)


def data_name(config: dict[str, Any]) -> str | None:
    """What people call the data: the last part of a folder's path, the folder of a file."""
    path = look_up(config, "data.path") or look_up(config, "data.documents.path")
    if not isinstance(path, str) or not path:
        return None
    place = Path(path)
    return printable((place.parent.name if place.suffix else place.name) or path)


def recipe_name(command: Any) -> str | None:
    """`paper_vae, training.epochs 5` from the command of a training; paths, seed and data are told elsewhere."""
    if not isinstance(command, str):
        return None
    program, *options = [part.strip() for part in f" {command}".split(" --")]
    if not program.startswith(("train", "textvae", "cli", "__main__")):
        return None  # trained from Python: the command says nothing
    configs, changes = [], []
    for option in options:
        name, _, value = option.replace("=", " ", 1).partition(" ")
        if name == "config":
            configs.append(Path(value).stem)
        elif name not in PRIVATE and not name.startswith("data."):
            changes.append(f"{name} {value}".strip())
    return printable(", ".join([*(configs or ["default"]), *changes]))
