"""Trainings over a grid, one after the other, each scored on dev: style transfer, sentence autoencoders."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from textvae.commands.child import last_line, run_textvae
from textvae.commands.sweep_output import Teller, show, write_results
from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.experiment.machine import commit
from textvae.extras.report.records import number, read_run
from textvae.extras.report.state import state_of
from textvae.extras.sweeps.results import lost_row
from textvae.extras.sweeps.scoring import Results
from textvae.extras.sweeps.trained import LatentScores, Scores, StyleScores
from textvae.extras.sweeps.training import Training, clear_preparation, divergence, note_divergence, trainings
from textvae.terminal import show_table

LOG = "log.txt"
"""Below a run: what its training said."""
State = Literal["to do", "unfinished", "finished", "diverged", "failed"]
CODES: dict[str, int] = {"failed": 1, "diverged": 3}


@dataclass
class Sweep:
    """The points in their order; scored: metrics by the name of a point; lost: state and reason of the others."""

    folder: Path
    trainings: Sequence[Training]
    scores: Scores

    def __post_init__(self) -> None:
        self.scored: dict[str, Results] = {}
        self.lost: dict[str, tuple[State, str]] = {}

    def score(self, training: Training) -> None:
        """Score a finished run, unless that was done before."""
        self.scored[training.point.name] = self.scores.score(training)

    def lose(self, training: Training, state: State, why: str) -> None:
        """A point without numbers."""
        self.lost[training.point.name] = state, why

    @property
    def changes(self) -> tuple[str, ...]:
        """Of the sentences, as in `Scorer.changes`."""
        return self.scores.changes(self.trainings[0].config)

    def write(self, figure: bool = False) -> None:
        """The results so far, with several attributes those of every change in a folder of its own."""
        for change in self.changes:
            write_results(self.folder / change, self.results(change), figure)

    def results(self, change: str) -> dict[str, Any]:
        """What sweep.json is to hold of one change."""
        rows, scored = [], []
        for training in self.trainings:
            name, place = training.point.name, training.folder.name
            place = f"../{place}" if change else place
            if name in self.scored:
                rows.append(self.scores.row(name, place, self.scored[name][change]))
                scored.append(self.scored[name][change])
            elif name in self.lost:
                rows.append(lost_row(name, place, training.point.settings, *self.lost[name]))
        names = self.trainings[0].point.settings
        facts = {
            "kind": "training",
            "task": self.scores.task,
            "title": self.folder.resolve().name,
            "split": "dev",
            "changed": change,
            "axes": {name: unique(t.point.settings[name] for t in self.trainings) for name in names},
            "commit": commit(),
        }
        return self.scores.summary(facts, rows, scored)

    @property
    def exit_code(self) -> int:
        """0 where every point has numbers, else that of the worst."""
        return max((CODES[state] for state, _ in self.lost.values()), default=0)


def sweep_trainings(
    args: argparse.Namespace, others: Sequence[str], evaluation: EvaluationConfig, diagnostics: DiagnosticsConfig
) -> int:
    """Train and score what is not there yet; the results are rewritten after every point."""
    if args.runs is None:
        raise UserError("--runs DIR is needed: where the trained runs go")
    if args.split != "dev" or args.save is not None or args.data_path is not None:
        raise UserError(
            "--split, --save and --data-path are for decoding a RUN; trainings are scored on dev, in --runs"
        )
    arguments = [part for file in args.config for part in ("--config", file)]
    arguments += [*others, *(["--cache", args.cache] if args.cache else [])]
    found = trainings(args.grid, arguments, args.runs)
    if args.dry_run:
        show_table(["point", "state", "run"], [[str(t.point), state(t.folder), str(t.folder)] for t in found])
        return 0
    scores = LatentScores(diagnostics) if found[0].config.task == LatentScores.task else StyleScores(evaluation)
    sweep, tell = Sweep(args.runs, found, scores), Teller(len(found))
    for place, training in enumerate(found):
        code = one_point(sweep, training, lambda text, place=place: tell(place, text))  # type: ignore[misc]
        sweep.write()
        if code:
            return code
    sweep.write(figure=True)
    for change in sweep.changes:
        show(args.runs / change)
    print(f"saved in {args.runs}", file=sys.stderr)
    return sweep.exit_code


def one_point(sweep: Sweep, training: Training, tell: Any) -> int:
    """Train a point if need be, and score it. An exit code where the sweep must stop, else 0."""
    point, folder = training.point, training.folder
    before = state(folder)
    if before in ("to do", "unfinished"):
        tell(f"{point}: {'training' if before == 'to do' else 'training goes on'}, see {folder / LOG}")
        clear_preparation(folder)
        resume = ["--resume"] if before == "unfinished" else []
        code, signalled = run_textvae(["train", *training.arguments, "--run", str(folder), *resume], folder / LOG)
        if signalled is not None:
            print(f"textvae sweep: stopped at {point}; the same command goes on from here", file=sys.stderr)
            return 128 + signalled
        if code == 3:
            note_divergence(folder, last_line(folder / LOG))
        elif code == 2:
            raise UserError(f"{point}: {last_line(folder / LOG)}")
        elif code:
            sweep.lose(training, "failed", f"exit code {code}: {last_line(folder / LOG)}")
            tell(f"{point}: failed, {folder / LOG} says why")
            return 0
    if (why := divergence(folder)) is not None and state(folder) == "diverged":
        sweep.lose(training, "diverged", f"{why} (to try again, delete {folder})")
        tell(f"{point}: diverged")
        return 0
    tell(f"{point}: scoring")
    try:
        sweep.score(training)
    except UserError as error:  # no dev score was ever finite, so there is no best model; or the data are gone
        sweep.lose(training, "failed", str(error))
        tell(f"{point}: {error}")
    return 0


def state(folder: Path) -> State:
    """How far the training in a folder is; finished: its last step was checkpointed and scored on dev."""
    if not (folder / "config.yaml").exists():
        return "to do"
    record = read_run(folder)
    saved = number(record.progress.get("step")) or 0
    scored = any(row["step"] == record.steps and "dev/score" in row for row in record.metrics)
    if state_of(record, time.time()).name == "finished" and saved >= record.steps and scored:
        return "finished"
    return "diverged" if divergence(folder) is not None else "unfinished"


def unique(values: Any) -> list[Any]:
    """Each once, in order; lists have no hash."""
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
