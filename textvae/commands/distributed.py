"""A command on several processes: each writes its share, the first joins them."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

from textvae.errors import UserError
from textvae.files import output
from textvae.inference.sharding import Span, share
from textvae.inference.streaming import Answer, LineSource, write

PATIENCE = timedelta(days=7)
"""How long processes wait for each other: shares of one size take unequal machines unequal times."""

Task = Callable[[], None]


def run_distributed(
    name: str, load: Callable[[argparse.Namespace, str | None], Answer], args: argparse.Namespace
) -> int:
    """Exit code of this process, the same on all. load: the model of the arguments onto a device."""

    def tasks(part: Path, rank: int, world: int, device: str) -> Sequence[Task]:
        spans = share([Path(name) for name in args.files], rank, world)

        def validate() -> None:
            for source in opened(spans):
                for _ in source.windows():
                    pass

        def work() -> None:
            answer = load(args, device)
            with open(part, "wb") as out:
                for span, source in zip(spans, opened(spans), strict=True):
                    write(answer, [source], out, first=span.first)

        return validate, work  # a bad byte is found before the hours of work, by whichever process has it

    return in_shares(name, args, lambda: check(args), tasks)


def in_shares(
    name: str,
    args: argparse.Namespace,
    check: Task,
    tasks: Callable[[Path, int, int, str], Sequence[Task]],
    join: Callable[[list[Path], Path], None] | None = None,
) -> int:
    """Exit code of this process, the same on all. name: of the command; args: with `output` and `device`.

    check: raises UserError, in every process alike, for arguments that cannot be shared. tasks(part, rank, world,
    device): what this process does, one after the other; its share goes to `part`. join: makes the output of the parts;
    by default they stand one after the other in it.
    """
    cpu = not torch.cuda.is_available() or str(args.device or "").startswith("cpu")
    state = PartialState(cpu=cpu, timeout=PATIENCE)
    asked = int(os.environ["WORLD_SIZE"])
    if state.num_processes != asked:
        raise UserError(f"{asked} processes were asked for and {state.num_processes} found each other")
    part: Path | None = None
    try:
        check_output(args.output)
        check()
        rank, world = state.process_index, state.num_processes
        part = part_file(args.output, rank, world)
        parts = [part_file(args.output, r, world) for r in range(world)]

        def finish() -> None:
            if state.is_main_process:
                (join or merge)(parts, args.output)

        for task in (*tasks(part, rank, world, str(args.device or state.device)), finish):
            if code := together(task, state, name):
                return code
        return 0
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
        with contextlib.suppress(Exception):
            state.destroy_process_group()


def check_output(target: Path | None) -> None:
    """Raise UserError where the shares cannot be joined."""
    if target is None:
        raise UserError("several processes cannot share standard output: add --output FILE")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}") from error


def check(args: argparse.Namespace) -> None:
    """What the files of several processes need."""
    if not args.files or "-" in args.files:
        raise UserError("standard input cannot be divided over processes: name FILEs")
    for name in args.files:
        if not Path(name).is_file():
            raise UserError(f"{name} is not a regular file and cannot be divided over processes")


def part_file(target: Path, rank: int, world: int) -> Path:
    """Where a process leaves its lines: hidden, beside the output, overwritten by the next such run."""
    return target.with_name(f".{target.name}.part-{rank:05d}-of-{world:05d}")


def opened(spans: list[Span]) -> Iterator[LineSource]:
    """The spans as sources that count lines as an editor does."""
    for span in spans:
        with open(span.path, "rb", buffering=0) as handle:
            handle.seek(span.start)
            yield LineSource(handle, str(span.path), span.line, span.stop - span.start)


def together(task: Callable[[], None], state: PartialState, name: str) -> int:
    """Run a task on every process; if it fails on any, the first says so and all return an exit code.

    Nobody is left waiting for a process that has gone.
    """
    failure: tuple[int, str] | None = None
    try:
        task()
    except UserError as error:
        failure = (2, f"{name}: {error}")
    except Exception:  # noqa: BLE001  (told by the first process)
        failure = (1, traceback.format_exc())
    failures = [f for f in gather_object([failure]) if f is not None]
    if failures and state.is_main_process:
        for message in dict.fromkeys(message for _, message in failures):
            print(message, file=sys.stderr)
    return max((code for code, _ in failures), default=0)


def merge(parts: list[Path], target: Path) -> None:
    """Join the parts in order into a file that is whole or not there."""
    with output(target) as out:
        for part in parts:
            with open(part, "rb") as handle:
                shutil.copyfileobj(handle, out, 1 << 20)
