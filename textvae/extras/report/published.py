"""Numbers of published systems, for the test sets that have any. They are data, told with their source, never ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class PublishedSystem:
    """weights: none, pretrained or large language model; accuracy and copy_rate in percent, BLEU in points."""

    name: str
    weights: str
    accuracy: float
    self_bleu: float
    ref_bleu: float
    perplexity: float
    copy_rate: float


@dataclass(frozen=True)
class Published:
    """Systems on one test set; source and judge say whose outputs and whose numbers these are."""

    data: str
    source: str
    judge: str
    systems: tuple[PublishedSystem, ...]

    @property
    def note(self) -> str:
        """What must stand beside their numbers."""
        return f"Published systems: {self.source} ({self.judge}), NOT by our judges; {self.data}."


def files() -> Iterator[dict[str, Any]]:
    """What `published/` holds."""
    folder = resources.files("textvae.extras.report").joinpath("published")
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".json"):
            yield json.loads(path.read_text(encoding="utf-8"))


def published(test_set: Any) -> Published | None:
    """The systems on a test set of this checksum (`textvae.extras.sweeps.results`); None for other data."""
    for values in files():
        if test_set == values["test_set"]:
            systems = tuple(PublishedSystem(**system) for system in values["systems"])
            return Published(values["data"], values["source"], values["judge"], systems)
    return None
