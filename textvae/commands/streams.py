"""What all commands share that give a line for every line: files and pipes in, output whole or flushed, exit codes."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textvae.allocator import keep_memory
from textvae.errors import UserError
from textvae.files import output
from textvae.inference.streaming import Answer, finish, write
from textvae.registry import folder_of, shipped
from textvae.volume import add_volume, detail, set_volume

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.streaming import LineSource


EXIT_CODES = """\
exit codes:
  0    done (also when the reader of the output stops reading)
  1    unexpected error
  2    wrong input: {wrong}
  130  stopped by Ctrl-C         143  stopped by SIGTERM"""

DETOKENISE = {"auto": "auto", "always": True, "never": False}


@dataclass(frozen=True)
class LineCommand:
    """A subcommand that answers line by line."""

    name: str
    """As people type it; it begins every message."""
    load: Callable[[argparse.Namespace, str | None], Answer]
    """Loads the model of the arguments onto a device (None: the default one)."""
    talk: Callable[[argparse.Namespace], int]
    """The prompt on a terminal; returns the exit code."""
    default: str
    """The model that comes with the package and is meant where no RUN is given."""


def add_streams(parser: argparse.ArgumentParser, record: str, default: str) -> None:
    """RUN, FILEs, --output and --json; `record` says what a line of JSON holds, `default` which model is meant."""
    add = parser.add_argument
    add(
        "inputs",
        metavar="[RUN] FILE",
        nargs="*",
        help="RUN: run directory of a training, a model folder inside it, or the name of a model that comes with "
        f"textvae ({', '.join(shipped())}; without RUN {default}). FILE: text file, UTF-8, one text a line; - is "
        "standard input; what is no file and has a space is itself the text",
    )
    add(
        "--output",
        "-o",
        metavar="FILE",
        type=Path,
        help="write here, whole or not at all (default: standard output)",
    )
    add("--json", action="store_true", help=f"one JSON object a line: {record}")
    add_volume(parser)


def add_search(add: Callable[..., object]) -> None:
    """How sentences are written: beam, samples, and their form."""
    add("--beam", type=int, metavar="N", help="beam width (default: the number of candidates; 1 is greedy)")
    add("--num-candidates", type=int, metavar="N", help="candidates per line, separated by tabs (default 1)")
    add("--sample", action="store_true", default=None, help="draw from the model instead of searching")
    add("--temperature", type=float, metavar="T", help="below 1: more cautious samples")
    add("--top-k", type=int, metavar="K", help="sample among the K likeliest tokens")
    add("--top-p", type=float, metavar="P", help="sample among the fewest tokens of total probability P")
    add("--seed", type=int, metavar="N", help="seed of the samples (default 0)")
    add("--length-penalty", type=float, metavar="A", help="rank by log-probability / length ** A (default 1)")
    add(
        "--no-repeat-ngram",
        type=int,
        metavar="N",
        help="never write an n-gram of N tokens twice in a sentence",
    )
    add("--allow-unk", action="store_true", default=None, help="let <unk> stand in the output")
    add("--detokenise", choices=DETOKENISE, help="auto (default): unless the line came in tokenised")


def add_computing(parser: argparse.ArgumentParser, rows: str, batch_size: int = 192) -> None:
    """--batch-size, --device and --precision; `rows` says what counts as a row."""
    add = parser.add_argument_group("computing").add_argument
    add("--batch-size", type=int, metavar="N", help=f"rows decoded at once, {rows} (default {batch_size})")
    add("--device", metavar="D", help="cpu, cuda, cuda:1 ... (default: a GPU if there is one)")
    add("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 where it is native")


def run(args: argparse.Namespace, command: LineCommand) -> int:
    """The command with its exit code."""

    def work() -> int:
        settle(args, command.default)
        return answer_all(args, command)

    return guarded(command.name, args, work)


def guarded(name: str, args: argparse.Namespace, work: Callable[[], int]) -> int:
    """What `work` returns, or the exit code of what stopped it; name: of the command, as people type it."""
    try:
        set_volume(args)
        keep_memory()
        with sigterm_unwinds():
            return work()
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":  # of several processes with one problem, one says so
            print(f"{name}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # nobody reads on: point stdout elsewhere, so that the interpreter's last flush is quiet too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Terminated:
        return 143


class Terminated(BaseException):
    """SIGTERM, as an exception: it unwinds the stack, so that temporary files go."""


@contextmanager
def sigterm_unwinds() -> Iterator[None]:
    """Turn SIGTERM into `Terminated`."""

    def leave(*_: object) -> None:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread: its owner handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def settle(args: argparse.Namespace, default: str) -> None:
    """Tell RUN from FILEs: sets `run` and `files`."""
    inputs, known = list(args.inputs), shipped()
    if inputs and not is_text(inputs[0]) and (Path(inputs[0]).is_dir() or inputs[0] in known):
        args.run = inputs.pop(0)
    elif default in known:
        args.run = str(folder_of(default))  # not a folder of the user that has this name
    else:
        raise UserError("name a RUN: a run directory as `textvae train` leaves it")
    args.files = inputs


def is_text(name: str) -> bool:
    """Whether an argument is a text by itself and not the name of a file."""
    if not any(char.isspace() for char in name.strip()):
        return False
    try:
        return not Path(name).exists()
    except OSError:  # too long for a file name
        return True


def answer_all(args: argparse.Namespace, command: LineCommand) -> int:
    """Choose the way of working."""
    check_files(args.files)
    if args.output is not None and args.output.is_dir():
        raise UserError(f"{args.output} is a folder; name the file to write")
    if several_processes():
        from textvae.commands.distributed import run_distributed

        return run_distributed(command.name, command.load, args)
    if not args.files and args.output is None and sys.stdin.isatty():
        return command.talk(args)
    answer = command.load(args, args.device)
    with ExitStack() as stack:
        out = sys.stdout.buffer if args.output is None else stack.enter_context(output(args.output))
        began = time.perf_counter()
        lines = write(answer, sources(args.files), out)
        detail(f"{lines} lines in {time.perf_counter() - began:.1f} s")
    finish(answer)
    return 0


def several_processes() -> bool:
    """Whether a launcher has started more than one."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def check_files(files: Iterable[str]) -> None:
    """Complain about files before the seconds that a model takes."""
    for name in files:
        if name == "-" or is_text(name):
            continue
        if not Path(name).exists():
            raise UserError(
                f"{name}: no such file, run directory or model that comes with textvae ({', '.join(shipped())}); "
                "a text of one word is read from standard input"
            )
        if Path(name).is_dir():
            raise UserError(f"{name} is a folder; name the files in it")
        if not os.access(name, os.R_OK):
            raise UserError(f"{name} cannot be read: permission denied")


def sources(files: Iterable[str]) -> Iterator[LineSource]:
    """Open the files one after the other, or standard input."""
    from textvae.inference.streaming import LineSource

    for name in list(files) or ["-"]:
        if name == "-":
            yield LineSource(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), "standard input")
        elif is_text(name):
            yield LineSource(io.BytesIO(name.encode()), "the command line")
        else:
            with open(name, "rb", buffering=0) as handle:
                yield LineSource(handle, name)
