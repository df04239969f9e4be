"""`textvae transfer`: files, pipes and people at a terminal."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from textvae.errors import UserError
from textvae.files import atomic_write

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.streaming import LineSource
    from textvae.inference.style_transfer import Candidate, StyleTransfer, TransferOptions

DESCRIPTION = """\
Rewrite text in another style, one line out for every line in.

Without FILE the text is read from standard input as it comes; on a terminal, from a prompt.
Raw text comes back as raw text, tokenised text as tokenised text. A line may hold several
sentences. An empty line stays empty."""

EPILOG = """\
exit codes:
  0    done (also when the reader of the output stops reading)
  1    unexpected error
  2    wrong input: no such file, label or model, text that is not UTF-8
  130  stopped by Ctrl-C         143  stopped by SIGTERM

examples:
  textvae transfer runs/yelp --to positive reviews.txt --output happy.txt
  echo "The food was awful!" | textvae transfer runs/yelp --to positive --num-candidates 5 --json
  accelerate launch --num_processes 2 -m textvae.cli transfer runs/yelp --to positive big.txt --output out.txt

Several processes (accelerate launch, torchrun) need FILEs and --output on a file system that all of
them see. On CPUs: ACCELERATE_USE_CPU=true torchrun --nproc_per_node 2 -m textvae.cli transfer ..."""

DETOKENISE = {"auto": "auto", "always": True, "never": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("run", metavar="RUN", help="run directory of a training, or a model folder inside it")
    add("files", metavar="FILE", nargs="*", help="text files, UTF-8, one text a line; - is standard input")
    add("--to", metavar="LABEL", help="style wanted: one of the labels of the training data")
    add(
        "--output",
        "-o",
        metavar="FILE",
        type=Path,
        help="write here, whole or not at all (default: standard output)",
    )
    add("--json", action="store_true", help="one JSON object a line: input, target, candidates with scores")
    search = parser.add_argument_group("search")
    add = search.add_argument
    add(
        "--strength",
        type=float,
        metavar="X",
        help="0: neutral, 1: the style itself, above: exaggerated (default: as chosen on dev by the training)",
    )
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
    computing = parser.add_argument_group("computing")
    add = computing.add_argument
    add(
        "--batch-size",
        type=int,
        metavar="N",
        help="rows decoded at once, each beam or sample a row (default 192)",
    )
    add("--device", metavar="D", help="cpu, cuda, cuda:1 ... (default: a GPU if there is one)")
    add("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 where it is native")


SEARCH = ("strength", "beam", "num_candidates", "length_penalty", "no_repeat_ngram", "allow_unk")
SAMPLING = ("sample", "temperature", "top_k", "top_p", "seed")
OPTIONS = (*SEARCH, *SAMPLING, "detokenise", "batch_size")
"""Arguments that are fields of `TransferOptions`."""


def main(argv: list[str], prog: str = "textvae transfer") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    return run(parser.parse_intermixed_args(argv))


def run(args: argparse.Namespace) -> int:
    """The command with its exit code."""
    try:
        with sigterm_unwinds():
            return transfer(args)
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":  # of several processes with one problem, one says so
            print(f"textvae transfer: {error}", file=sys.stderr)
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


def transfer(args: argparse.Namespace) -> int:
    """Choose the way of working."""
    check_files(args.files)
    if args.output is not None and args.output.is_dir():
        raise UserError(f"{args.output} is a folder; name the file to write")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from textvae.commands.distributed_transfer import transfer_distributed

        return transfer_distributed(args)
    interactive = not args.files and args.output is None and sys.stdin.isatty()
    model, options = load(args, args.device)
    if interactive:
        from textvae.commands.prompt import prompt

        return prompt(model, options, args.json)
    with ExitStack() as stack:
        out = sys.stdout.buffer if args.output is None else stack.enter_context(output(args.output))
        write(model, options, sources(args.files), out, args.json)
    return 0


def check_files(files: Iterable[str]) -> None:
    """Complain about files before the seconds that a model takes."""
    for name in files:
        if name == "-":
            continue
        if not Path(name).exists():
            raise UserError(f"{name}: no such file")
        if Path(name).is_dir():
            raise UserError(f"{name} is a folder; name the files in it")
        if not os.access(name, os.R_OK):
            raise UserError(f"{name} cannot be read: permission denied")


def load(args: argparse.Namespace, device: str | None) -> tuple[StyleTransfer, TransferOptions]:
    """The model and what is asked of it."""
    from textvae.inference.style_transfer import StyleTransfer, TransferOptions

    given: dict[str, Any] = {n: getattr(args, n) for n in OPTIONS if getattr(args, n) is not None}
    if "detokenise" in given:
        given["detokenise"] = DETOKENISE[given["detokenise"]]
    options = TransferOptions(target=args.to or "", **given)
    model = StyleTransfer.from_pretrained(args.run, device=device, precision=args.precision)
    if args.to is None:
        raise UserError(f"say which style is wanted with --to LABEL; this model knows: {', '.join(model.labels)}")
    model.label(args.to)
    return model, options


def sources(files: Iterable[str]) -> Iterator[LineSource]:
    """Open the files one after the other, or standard input."""
    from textvae.inference.streaming import LineSource

    for name in list(files) or ["-"]:
        if name == "-":
            yield LineSource(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), "standard input")
        else:
            with open(name, "rb", buffering=0) as handle:
                yield LineSource(handle, name)


@contextmanager
def output(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears when it is complete; a pipe or device (`/dev/stdout`) is written as it is."""
    try:
        special = path.exists() and not path.is_file()
        with open(path, "wb") if special else atomic_write(path.resolve(), binary=True) as handle:
            yield handle
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def write(
    model: StyleTransfer,
    options: TransferOptions,
    inputs: Iterable[LineSource],
    out: IO[bytes],
    as_json: bool,
    first: int = 0,
) -> None:
    """Transfer all lines of all inputs in order; what is ready is flushed before more is read."""
    for source in inputs:
        for window in source.windows():
            found = model.rewrite(window, options, first, judge=as_json)
            for line, candidates in zip(window, found, strict=True):
                out.write(as_line(line, candidates, options.target, as_json).encode() + b"\n")
            out.flush()
            first += len(window)


def as_line(line: str, candidates: list[Candidate], target: str, as_json: bool) -> str:
    """One line of output for one line of input."""
    if not as_json:
        return "\t".join(c.text for c in candidates)
    from dataclasses import asdict

    rows = [{k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(c).items()} for c in candidates]
    return json.dumps({"input": line, "target": target, "candidates": rows}, ensure_ascii=False)
