"""Where metrics go: one JSON object a line, and whatever accelerate can track."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from accelerate.tracking import GeneralTracker, on_main_process

from textvae.files import atomic_write


class JsonlTracker(GeneralTracker):
    """Appends {"step": …, "time": …, name: value, …} to RUN/metrics.jsonl; a killed run loses at most a line."""

    name = "jsonl"
    requires_logging_directory = False

    def __init__(self, path: Path):
        self.path = path
        super().__init__()

    @property
    def tracker(self) -> Path:
        """The file."""
        return self.path

    @on_main_process
    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """The configuration has its own file, config.yaml."""

    @on_main_process
    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        """Append one line."""
        with open(self.path, "a", encoding="utf-8") as handle:
            handle.write(json.dumps({"step": step, "time": round(time.time(), 3), **values}) + "\n")

    @on_main_process
    def finish(self) -> None:
        """Nothing is open between two lines."""


def truncate_after(path: Path, step: int) -> None:
    """Drop the lines that a resumed run will write again (steps after the checkpoint, and a torn last line)."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue
    with atomic_write(path) as handle:
        handle.writelines(line + "\n" for line in kept)
