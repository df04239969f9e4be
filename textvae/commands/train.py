"""`textvae train` and `train.py`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from textvae.errors import UserError
from textvae.volume import note, set_volume


def main(argv: list[str], default_config: Path | None = None, prog: str = "textvae train") -> int:
    """Train a run. Exit code 0 done, 2 wrong input, 3 diverged, 128 + signal when stopped by one."""
    try:
        return run(argv, default_config, prog)
    except KeyboardInterrupt:  # while the data were prepared, or the second one: the first in training asks for an end
        print(f"{prog}: interrupted; --resume goes on from the last checkpoint if there is one", file=sys.stderr)
        return 130


def run(argv: list[str], default_config: Path | None, prog: str) -> int:
    """The same for a run that nobody interrupts."""
    from textvae.config import parse
    from textvae.experiment.training import train
    from textvae.training.trainer import TrainingDiverged

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        config, flags = parse(argv, default_config, prog)
        set_volume(flags)
        result = train(config, flags.resume, flags.overwrite, flags.quiet)
    except UserError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    except TrainingDiverged as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 3
    progress = result.progress
    how = {
        "finished": "finished",
        "patience": f"stopped early: {config.training.patience} evaluations without a better score",
        "signal": "stopped; a checkpoint was written, go on with --resume",
    }[result.reason]
    best = "" if progress.best_score is None else f", best dev score {progress.best_score:.3f} at {progress.best_step}"
    note(f"{how} at step {progress.step}{best}\nrun directory: {config.run}")
    return 128 + result.signal if result.signal else 0
