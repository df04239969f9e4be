"""`textvae encode`: vectors of sentences, in a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from textvae.commands import streams
from textvae.commands.latent_uses import add_part, begun, file_lines, load_space, opened, parsed, progress

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.latents.space import LatentSpace

DESCRIPTION = """\
Write the vector of every line (its posterior mean; of several sentences in a line the mean) with its text.
FILE.npz holds `vectors`, `texts` and `labels` as NumPy arrays and is made in memory; FILE.arrow is an Arrow IPC file
with the columns text, label and vector, written as it comes, for any number of lines.
In Python: LatentSpace.from_pretrained(RUN).encode(lines)."""

EXAMPLES = """\
  textvae encode runs/yelp reviews.txt --output reviews.npz
  textvae encode runs/yelp reviews.txt --labels stars.txt --part content --output reviews.arrow"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    begun(parser, DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add("files", metavar="FILE", nargs="*", help="text files, one text a line; - or nothing is standard input")
    add("--output", "-o", metavar="FILE", type=Path, required=True, help="ends in .npz or .arrow")
    add("--labels", metavar="FILE", help="text file with a label for every line, kept beside the vectors")
    add_part(parser)
    streams.add_computing(parser, "not used here")


def main(argv: list[str], prog: str = "textvae encode") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    args = parsed(parser, argv)
    return streams.guarded(prog, args, lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write the file."""
    from textvae.inference.latents.vector_files import Source, check_suffix, labelled, write_vectors

    check_suffix(args.output)
    streams.check_files([*args.files, *([args.labels] if args.labels else [])])
    labels = list(file_lines([args.labels])) if args.labels else None
    if streams.several_processes():
        return run_distributed(args, labels)
    space = load_space(args)
    source = Source(space.fingerprint, args.part, space.width(args.part))
    with progress("lines") as shown:
        blocks = space.encode_stream(shown.over(file_lines(args.files)), args.part)
        rows = labelled(blocks, labels)
        write_vectors(partial(opened, args.output), args.output.suffix, source, rows)
    return 0


def run_distributed(args: argparse.Namespace, labels: list[str] | None) -> int:
    """The same on several processes: each encodes its share of the lines, and the first writes the file."""
    from textvae.commands.distributed import check, in_shares
    from textvae.commands.distributed import opened as span_sources
    from textvae.errors import UserError
    from textvae.inference.latents.vector_files import Rows, Source, labelled, read_vectors, write_vectors
    from textvae.inference.sharding import count_lines, share

    def fitting() -> None:
        check(args)
        lines = sum(count_lines(Path(name), 0, Path(name).stat().st_size) for name in args.files)
        if labels is not None and len(labels) != lines:
            raise UserError(f"there are {len(labels)} labels for {lines} lines; give one a line")

    def tasks(part: Path, rank: int, world: int, device: str) -> list[Callable[[], None]]:
        spans = share([Path(name) for name in args.files], rank, world)

        def rows(space: LatentSpace) -> Iterator[Rows]:
            for span, source in zip(spans, span_sources(spans), strict=True):
                stop = span.first + count_lines(span.path, span.start, span.stop)
                lines = chain.from_iterable(source.windows())
                yield from labelled(
                    space.encode_stream(lines, args.part), None if labels is None else labels[span.first : stop]
                )

        def work() -> None:
            args.device = device
            space = load_space(args)
            source = Source(space.fingerprint, args.part, space.width(args.part))
            write_vectors(partial(opened, part), ".arrow", source, rows(space))

        return [work]

    def join(parts: list[Path], target: Path) -> None:
        found = [read_vectors(part) for part in parts]
        rows = chain.from_iterable(rows for _, rows in found)
        write_vectors(partial(opened, target), target.suffix, found[0][0], rows)

    return in_shares("textvae encode", args, fitting, tasks, join)
