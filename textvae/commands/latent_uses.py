"""What the commands share that use a latent space: their arguments, sentences in, sentences out, progress."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from textvae.commands import streams
from textvae.commands.streams import DETOKENISE, EXIT_CODES
from textvae.errors import UserError
from textvae.files import output
from textvae.volume import QUIET, Volume, add_volume

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.latents.space import LatentSpace
    from textvae.inference.latents.writing import Drawn

WRONG = "no such file, label or model, a model without a pure vector, text that is not UTF-8"

RAW = argparse.RawDescriptionHelpFormatter


def begun(parser: argparse.ArgumentParser, description: str, examples: str, wrong: str = WRONG) -> None:
    """Description, exit codes, examples, and RUN."""
    parser.description, parser.formatter_class = description, RAW
    parser.epilog = f"{EXIT_CODES.format(wrong=wrong)}\n\nexamples:\n{examples}"
    parser.add_argument("run", metavar="RUN", help="run directory of a training, or a model folder inside it")
    add_volume(parser)


def add_answers(parser: argparse.ArgumentParser, record: str) -> None:
    """--output, --json, and how sentences are written."""
    add = parser.add_argument
    add("--output", "-o", metavar="FILE", type=Path, help="write here, whole or not at all (default: standard output)")
    add("--json", action="store_true", help=f"one JSON object a line: {record}")
    streams.add_search(parser.add_argument_group("search").add_argument)
    streams.add_computing(parser, "each beam or sample a row", 384)


def add_part(parser: argparse.ArgumentParser) -> None:
    """--part of the latent."""
    parser.add_argument("--part", default="all", metavar="P", help="style or content alone, where a model has both")


def parsed(parser: argparse.ArgumentParser, argv: list[str]) -> argparse.Namespace:
    """Arguments, wherever the options stand."""
    return parser.parse_intermixed_args(argv)


def load_space(args: argparse.Namespace) -> LatentSpace:
    """The model of RUN."""
    from textvae.inference.latents.space import LatentSpace

    return LatentSpace.from_pretrained(args.run, args.device, args.precision)


def writing(args: argparse.Namespace) -> dict[str, Any]:
    """The options of writing that were given."""
    from textvae.inference.latents.writing import WRITING, writing_options

    given = {name: getattr(args, name) for name in WRITING if getattr(args, name, None) is not None}
    if "detokenise" in given:
        given["detokenise"] = DETOKENISE[given["detokenise"]]
    writing_options(given)  # complain before the model is loaded
    return given


@contextmanager
def opened(path: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.is_dir():
        raise UserError(f"{path} is a folder; name the file to write")
    with output(path) as handle:
        yield handle


def put(out: IO[bytes], lines: Iterable[str]) -> None:
    """Write lines, each as soon as it is there."""
    for line in lines:
        out.write(line.encode("utf-8", "replace") + b"\n")
        out.flush()


def answered(found: Sequence[Drawn], as_json: bool, **fields: Any) -> str:
    """Candidates as one line of output; fields: what stands before them in JSON."""
    if not as_json:
        return "\t".join(drawn.text for drawn in found)
    rows = [
        {"text": d.text, "log_prob": round(d.log_prob, 4), "log_prob_per_token": round(d.log_prob_per_token, 4)}
        for d in found
    ]
    return json.dumps({**fields, "candidates": rows}, ensure_ascii=False)


def given_lines(sentences: Sequence[str]) -> Iterator[list[str]]:
    """Windows of the sentences of the command line, or else of standard input, as it comes."""
    if sentences:
        yield list(sentences)
        return
    for source in streams.sources([]):
        yield from source.windows()


def file_lines(files: Sequence[str]) -> Iterator[str]:
    """The lines of files, one after the other; - is standard input."""
    streams.check_files(files)
    for source in streams.sources(files):
        for window in source.windows():
            yield from window


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A count on standard error while work is done, on a terminal only."""
    shown = Progress(what)
    try:
        yield shown
    finally:
        shown.close()


class Progress:
    """Told how much was done; shows it where a person looks on."""

    def __init__(self, what: str):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn(what), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Bar(
            *columns,
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty() or Volume.level == QUIET,
        )
        self.task = self.bar.add_task(what, total=None)
        self.bar.start()

    def add(self, count: int) -> None:
        """So many more are done."""
        self.bar.advance(self.task, count)

    def over(self, lines: Iterable[str]) -> Iterator[str]:
        """Lines, counted as they are taken."""
        for line in lines:
            yield line
            self.add(1)

    def close(self) -> None:
        """Take it off the screen."""
        self.bar.stop()
