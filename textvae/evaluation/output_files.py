"""Files of outputs, one a line, aligned with the test set: of any system to be scored, of a run once it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textvae.errors import UserError
from textvae.evaluation.evaluator import Evaluator
from textvae.evaluation.results import Evaluation
from textvae.evaluation.task import Transfer, TransferTask
from textvae.files import atomic_write, read_lines, write_json

NAMES = re.compile(r"outputs\.(?P<source>[^.]+)(?:\.(?P<target>[^.]+))?")


def evaluate_files(
    evaluator: Evaluator,
    paths: Sequence[str | Path],
    prepare: Callable[[str], str],
    name: str = "system",
) -> Evaluation:
    """Score files of outputs, one a line; `prepare` is what the texts of the test set went through.

    `paths` is one folder with files `outputs.LABEL` (from the test sentences of that label into the other of
    two labels) or `outputs.LABEL.TARGET`, where labels are names or numbers; or one file per label, in the
    order of the labels; or one file for the whole test set (two labels). UserError for a file that is
    missing, not UTF-8 or of another length.
    """
    transfers = read_outputs(evaluator.task, [Path(path) for path in paths])
    prepared = [transfer._replace(output=prepare(transfer.output)) for transfer in transfers]
    return evaluator.score(prepared, name=name)


def read_outputs(task: TransferTask, paths: Sequence[Path]) -> list[Transfer]:
    """The outputs in `paths` (see `evaluate_files`) as they stand there."""
    if len(paths) == 1 and paths[0].is_dir():
        named = _in_folder(task, paths[0])
    elif len(paths) == 1:
        rows = list(range(len(task.inputs)))
        targets = [task.opposite(int(label)) for label in task.input_labels]
        return _aligned(task, paths[0], rows, targets, "")
    elif len(paths) == len(task.labels):
        named = [(path, source, task.opposite(source)) for source, path in enumerate(paths)]
    else:
        raise UserError(
            f"{len(paths)} output files for {len(task.labels)} labels: give one for each label, one in all or a folder"
        )
    found = []
    for path, source, target in named:
        rows = [row for row, label in enumerate(task.input_labels.tolist()) if label == source]
        found += _aligned(task, path, rows, [target] * len(rows), f" with label {task.labels[source]!r}")
    return found


def _in_folder(task: TransferTask, folder: Path) -> list[tuple[Path, int, int]]:
    numbers = {str(number): number for number in range(len(task.labels))}
    numbers |= {label: number for number, label in enumerate(task.labels)}
    found: dict[tuple[int, int], Path] = {}
    for path in sorted(folder.iterdir()):
        if match := NAMES.fullmatch(path.name):
            if not {label for label in match.groups() if label} <= numbers.keys():
                raise UserError(f"{path}: not a label of {', '.join(task.labels)} (or its number)")
            source = numbers[match["source"]]
            target = numbers[match["target"]] if match["target"] else task.opposite(source)
            if (source, target) in found:
                raise UserError(f"{path} and {found[source, target]} are outputs of the same direction: remove one")
            found[source, target] = path
    if not found:
        raise UserError(f"{folder}: holds no file outputs.LABEL with LABEL one of {', '.join(numbers)}")
    return [(path, source, target) for (source, target), path in found.items()]


def _aligned(task: TransferTask, path: Path, rows: Sequence[int], targets: Sequence[int], which: str) -> list[Transfer]:
    lines = [line for _, line in read_lines(path)]
    if len(lines) != len(rows):
        raise UserError(
            f"{path} has {len(lines)} lines, but {task.source} has {len(rows)} sentences{which}: "
            "one output a line, in the order of the test sentences, an empty line where there is none"
        )
    return [Transfer(row, target, line) for row, target, line in zip(rows, targets, lines, strict=True)]


def save_evaluation(folder: Path, metrics: dict[str, Any], task: TransferTask, transfers: Sequence[Transfer]) -> None:
    """metrics.json, after outputs.SOURCE (two labels) or outputs.SOURCE.TARGET, one a line in test order."""
    for source, target in sorted({(int(task.input_labels[t.row]), t.target) for t in transfers}):
        name = f"outputs.{source}" if len(task.labels) == 2 else f"outputs.{source}.{target}"
        chosen = [t for t in transfers if int(task.input_labels[t.row]) == source and t.target == target]
        with atomic_write(folder / name) as handle:
            handle.writelines(t.output + "\n" for t in sorted(chosen, key=lambda t: t.row))
    write_json(folder / "metrics.json", metrics)
