"""`textvae encode`: vectors of sentences, in a file."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from textvae.commands import streams
from textvae.commands.latent_uses import add_part, begun, file_lines, load_space, opened, parsed, progress

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
    space = load_space(args)
    source = Source(space.fingerprint, args.part, space.width(args.part))
    with progress("lines") as shown:
        blocks = space.encode_stream(shown.over(file_lines(args.files)), args.part)
        rows = labelled(blocks, labels)
        write_vectors(partial(opened, args.output), args.output.suffix, source, rows)
    return 0
