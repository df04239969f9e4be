"""What commands share that work on a finished run: of which task it must be, and where its data are now."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.config.sentence_vae import SentenceExperimentConfig
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.experiment.evaluation import FinishedRun

    C = TypeVar("C", bound=ExperimentConfig | SentenceExperimentConfig)


def add_places(add: Callable[..., object]) -> None:
    """--data-path and --cache."""
    add("--data-path", metavar="FOLDER", help="where the run's data are now, if they moved")
    add("--cache", metavar="FOLDER", help="prepared data (default: that of the run)")


def with_places(config: C, args: argparse.Namespace) -> C:
    """The configuration of a run with the places of `add_places`, where they are given."""
    if args.data_path is not None:
        config.data = replace(config.data, path=args.data_path)
    config.cache = args.cache or config.cache
    return config


def style_run(args: argparse.Namespace, otherwise: str) -> FinishedRun:
    """The style transfer of `args.run`; UserError, which ends with `otherwise`, where it is a run of another task."""
    from textvae.config import load_config
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.errors import UserError
    from textvae.experiment.evaluation import FinishedRun

    config = load_config(args.run / "config.yaml")
    if not isinstance(config, ExperimentConfig):
        raise UserError(f"{args.run} does not transfer style; {otherwise}")
    return FinishedRun(with_places(config, args), args.run)
