"""Points of a grid of trainings: a configuration and a run directory each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textvae.config import load_config, make_parser, parse
from textvae.config.parsing import find_task
from textvae.config.sentence_vae import SentenceExperimentConfig
from textvae.config.style_transfer import ExperimentConfig
from textvae.errors import UserError
from textvae.extras.sweeps.grid import Point, check_names, combine, read_axes
from textvae.files import write_json

PRIVATE = frozenset(
    {"run", "cache", "config", "task", "resume", "overwrite", "quiet", "verbose", "help", "print_config"}
)
"""Options of a training that are no part of its recipe."""
DIVERGED = "diverged.json"
SWEPT = ("style_transfer", "sentence_vae")
"""Tasks with two numbers to set against each other: accuracy and BLEU, rate and distortion."""
SweptConfig = ExperimentConfig | SentenceExperimentConfig


@dataclass(frozen=True)
class Training:
    """A point to be trained in `folder`; arguments: of `textvae train`, all but --run, --resume and --quiet."""

    point: Point
    folder: Path
    arguments: tuple[str, ...]
    config: SweptConfig


def allowed_names(task: str = "style_transfer") -> set[str]:
    """Every single option of a training; `training` itself, which stands for many, is none."""
    names = {action.dest for action in make_parser(task=task)._actions} - PRIVATE
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def trainings(grid: Sequence[str], arguments: Sequence[str], folder: Path) -> list[Training]:
    """All points, each with its configuration; UserError for unknown names, wrong values and runs that differ.

    Values are read as on the command line of `textvae train`; 0.1 and 0.10 are one point.
    """
    axes = read_axes(grid)
    remedy = "every dotted name of `textvae train --help` is one"
    if any("." not in axis.name for axis in axes):
        remedy += ", and options of decoding need a trained RUN instead of --config"
    task = find_task(list(arguments))
    if task not in SWEPT:
        raise UserError(f"sweeps over trainings are for {' and '.join(SWEPT)}: {task} has no two numbers to draw")
    check_names(axes, allowed_names(task), "option of a training", remedy)
    found: dict[str, Training] = {}
    for typed in combine(axes, lambda name, text: text):
        options = (*arguments, *(f"--{name}={text}" for name, text in typed.settings.items()))
        config, _ = parse([*options, "--run", str(folder)], prog="textvae sweep")
        point = Point({name: look_up(config, name) for name in typed.settings})
        config = replace(config, run=str(folder / point.name))
        check_same(config, folder / point.name)
        found.setdefault(point.name, Training(point, folder / point.name, options, config))
    return list(found.values())


def look_up(config: Any, dotted: str) -> Any:
    """The value of a dotted name, as JSON keeps it."""
    for name in dotted.split("."):
        config = config[name] if isinstance(config, dict) else getattr(config, name)
    return list(config) if isinstance(config, tuple) else config


def check_same(config: SweptConfig, folder: Path) -> None:
    """UserError where the folder holds a run of another configuration: its numbers would be told of this one."""
    if (folder / "config.yaml").exists():
        before = load_config(folder / "config.yaml")
        if replace(before, run=config.run, cache=config.cache) != config:
            raise UserError(f"{folder} holds a run of another configuration; give the same options, or another --runs")


def clear_preparation(folder: Path) -> None:
    """Take away what a training leaves that ended while its data were prepared: another one would refuse the folder."""
    if not (folder / "config.yaml").exists():
        shutil.rmtree(folder / "tokenizer", ignore_errors=True)
        (folder / "bag_of_words.json").unlink(missing_ok=True)


def note_divergence(folder: Path, why: str) -> None:
    """Remember that a training diverged: it would again, since its seed and its checkpoint are the same."""
    write_json(folder / DIVERGED, {"error": why})


def divergence(folder: Path) -> str | None:
    """Why the training in a folder diverged; None where it did not."""
    try:
        return str(json.loads((folder / DIVERGED).read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
