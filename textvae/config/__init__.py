"""Configurations: one class a task, from YAML and command line."""

from __future__ import annotations

from textvae.config.base import RunConfig
from textvae.config.parsing import (
    config_class,
    from_namespace,
    load_config,
    make_parser,
    parse,
    save_config,
    task_of,
    to_yaml,
)
from textvae.registry import TASKS

__all__ = [
    "TASKS",
    "RunConfig",
    "config_class",
    "from_namespace",
    "load_config",
    "make_parser",
    "parse",
    "save_config",
    "task_of",
    "to_yaml",
]
