"""`textvae decompress`: what `textvae compress` made small, in full."""

from __future__ import annotations

import argparse
from pathlib import Path

from textvae.commands import streams
from textvae.commands.compress import source
from textvae.commands.latent_uses import begun, opened, parsed, progress

DESCRIPTION = """\
Give back what `textvae compress` was given, with the model that it was compressed with. Every block is checked
before it is written: a damaged or foreign file, another model, or a machine whose sums differ gives an error, never
other text. With --output nothing is left of a file that has an error."""

EXAMPLES = """\
  textvae decompress runs/yelp reviews.tvae --output reviews.txt
  textvae decompress runs/yelp lossy.tvae --beam 5 | head"""

WRONG = "no such file, a damaged or foreign one, another model or machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    begun(parser, DESCRIPTION, EXAMPLES, WRONG)
    add = parser.add_argument
    add("file", metavar="FILE", nargs="?", default="-", help="a compressed file (default: standard input)")
    add("--output", "-o", metavar="FILE", type=Path, help="write here, whole or not at all (default: standard output)")
    add("--dictionary", metavar="FILE", help="the one that the file was compressed with")
    add("--beam", type=int, metavar="N", help="beam width for lossy files (default 1: greedy)")
    parser.add_argument_group("computing").add_argument("--device", default="cpu", help="cpu (default); lossy: any")


def main(argv: list[str], prog: str = "textvae decompress") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    args = parsed(parser, argv)
    return streams.guarded(prog, args, lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write the text."""
    from textvae.extras.compression.compressor import Compressor

    streams.check_files([name for name in (args.file, args.dictionary) if name is not None])
    name = "standard input" if args.file == "-" else args.file
    options = {} if args.beam is None else {"beam": args.beam}
    compressor = Compressor.from_pretrained(args.run, args.device)
    with opened(args.output) as out, progress("bytes") as shown, source(args.file) as handle:
        for block in compressor.blocks(handle, name, args.dictionary, **options):
            out.write(block)
            out.flush()
            shown.add(len(block))
    return 0
