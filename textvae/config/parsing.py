"""Typed configurations from YAML and command line."""

from __future__ import annotations

from argparse import ArgumentError
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonargparse
import yaml
from jsonargparse import ArgumentParser

from textvae.config.base import RunConfig
from textvae.errors import UserError
from textvae.files import atomic_write
from textvae.registry import TASKS, resolve
from textvae.volume import add_volume

EXAMPLES = """\
exit codes:
  0  done       1  unexpected error       2  wrong input or usage       3  the training diverged
  130/143       stopped by Ctrl-C or SIGTERM after a checkpoint; --resume goes on

examples:
  textvae train --config configs/toy/demo.yaml --run runs/mine
  textvae train --config configs/toy/demo.yaml --data.path my-reviews --data.name reviews --training.epochs 3
  textvae train --run runs/mine --resume
  textvae train --config configs/toy/demo.yaml --print_config          # every option with its documentation
  accelerate launch --multi_gpu --num_processes 4 train.py --run runs/yelp
"""


class Formatter(jsonargparse.DefaultHelpFormatter):
    """Leaves examples as they are written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text


def config_class(task: str) -> Any:
    """The dataclass of a task's configuration."""
    return resolve(TASKS[task].config)


def make_parser(
    default_config: Path | None = None, prog: str = "train.py", task: str = "style_transfer"
) -> ArgumentParser:
    """Command line of a training: `--config FILE`, a dotted option for every field, `--print_config`."""
    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = ArgumentParser(
        prog=prog,
        usage=f"{prog} [--config FILE] [--run DIR] [--NAME VALUE ...]",
        description=f"Train a model for {task}. Every value of the configuration is an option; --task chooses between "
        f"{', '.join(TASKS)}.",
        epilog=EXAMPLES,
        formatter_class=Formatter,
        default_config_files=[str(default_config)] if default_config and default_config.exists() else [],
    )
    parser.add_argument("--config", action="config", help="YAML file; later options and files win")
    parser.add_argument("--resume", action="store_true", help="continue the run from its newest intact checkpoint")
    parser.add_argument("--overwrite", action="store_true", help="delete a run of the same name and start again")
    add_volume(parser)
    parser.add_class_arguments(config_class(task))
    return parser


def parse(argv: list[str], default_config: Path | None = None, prog: str = "train.py") -> tuple[Any, Any]:
    """Arguments to the configuration and the flags resume, overwrite, quiet and verbose.

    The default configuration counts only where no `--config` is given, and its label names only for its own data. A
    resumed run goes on with the configuration in its own directory. Options win over all of them. The task decides
    which class the configuration is of.
    """
    task = find_task(argv)
    if given(argv, "--config") or task != "style_transfer":
        default_config = None
    elif default_config and (given(argv, "--data.name") or given(argv, "--data.source")):
        argv = argv if given(argv, "--data.labels") else [*argv, "--data.labels=null"]
    parser = make_parser(default_config, prog, task)
    argv = ["--print_config=comments" if a == "--print_config" else a for a in argv]
    namespace = parser.parse_args(argv)
    own = Path(namespace.run) / "config.yaml"
    if namespace.resume and own.exists():
        namespace = parser.parse_args(["--config", str(own), *argv])
    return from_namespace(parser, namespace), namespace


def given(argv: list[str], option: str) -> list[str]:
    """Every value that `option` has on the command line: `--option VALUE` or `--option=VALUE`."""
    found = [value for name, value in pairwise([*argv, ""]) if name == option]
    return found + [a.partition("=")[2] for a in argv if a.startswith(f"{option}=")]


def find_task(argv: list[str]) -> str:
    """The task named by --task, else by the last --config that names one, else by the run that is resumed."""
    named = given(argv, "--task") or [task for file in given(argv, "--config") if (task := task_of(Path(file)))]
    if not named and "--resume" in argv:
        named = [task for run in given(argv, "--run") if (task := task_of(Path(run) / "config.yaml"))]
    task = named[-1] if named else "style_transfer"
    if task not in TASKS:
        raise UserError(f"task {task!r} is not one of {', '.join(TASKS)}")
    return task


def task_of(path: Path) -> str | None:
    """The task that a YAML file names; None where it names none (what else is wrong with it, the parser tells)."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return values.get("task") if isinstance(values, dict) else None


def from_namespace(parser: ArgumentParser, namespace: Any) -> Any:
    """The typed configuration of parsed options."""
    built = parser.instantiate_classes(namespace)
    config = config_class(built.task)
    return config(**{name: getattr(built, name) for name in config.__dataclass_fields__})


def to_yaml(config: RunConfig) -> str:
    """The resolved configuration, loadable with `--config`."""
    return yaml.safe_dump(_plain(asdict(config)), sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def save_config(config: RunConfig, path: Path) -> None:
    """Write config.yaml, whole or not at all."""
    with atomic_write(path) as handle:
        handle.write(to_yaml(config))


def load_config(path: Path) -> Any:
    """Read the config.yaml of a run; UserError where it is missing, no YAML, or not what this version knows."""
    if not path.exists():
        raise UserError(f"{path} is missing: is {path.parent} a run directory of textvae?")
    task = task_of(path) or "style_transfer"
    if task not in TASKS:
        raise UserError(f"{path} cannot be used by this version of textvae: it knows no task {task!r}")
    parser = make_parser(task=task)
    parser.exit_on_error = False  # a program that reads many runs must not end at one
    try:
        return from_namespace(parser, parser.parse_object(yaml.safe_load(path.read_text(encoding="utf-8"))))
    except (ArgumentError, yaml.YAMLError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise UserError(f"{path} cannot be used by this version of textvae: {error}") from error
