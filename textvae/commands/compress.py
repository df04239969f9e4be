"""`textvae compress`: a file of text made small under a model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from textvae.commands import streams
from textvae.commands.latent_uses import Progress, begun, opened, parsed, progress
from textvae.errors import UserError
from textvae.volume import note

if TYPE_CHECKING:
    from textvae.extras.compression.compressor import Coding
    from textvae.inference.latents.space import LatentSpace

DESCRIPTION = """\
Compress a file under the probabilities of a model; `textvae decompress RUN` gives it back, with the same model.

Without --lossy every byte comes back: words are arithmetic-coded under the decoder mixed with n-grams that learn
while the file is read, from the middle of the prior or from the quantised latent, whichever is cheaper for a
sentence; unknown words, capitals and other bytes are spelled. It decodes on machines whose floating-point sums
are the same to the last bit; checks in the file tell where they are not.
With --lossy only the quantised latent of every sentence is kept, and what comes back is what the model writes
from it. --report compares bits a line with gzip, xz and n-grams; --sweep tries several numbers of --levels."""

EXAMPLES = """\
  textvae compress runs/yelp reviews.txt --output reviews.tvae
  textvae decompress runs/yelp reviews.tvae --output reviews.txt
  textvae compress runs/yelp reviews.txt --lossy --levels 17 --quantiser mulaw --report --output small.tvae
  textvae compress runs/yelp reviews.txt --sweep 3,5,9,17,33            # rate and distortion, no file"""

QUANTISER = "steps: equal, or finer near 0 (mu-law); codebook: the codes of a model that has them (latent.kind vq)"
WRONG = "no such file or model, a model whose decoder reads more than a vector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    begun(parser, DESCRIPTION, EXAMPLES, WRONG)
    add = parser.add_argument
    add("file", metavar="FILE", nargs="?", default="-", help="what to compress (default: standard input)")
    add("--output", "-o", metavar="FILE", type=Path, help="write here, whole or not at all (default: standard output)")
    add(
        "--dictionary", metavar="FILE", help="a text file that decompress will be given too: its words are known before"
    )
    add("--lossy", action="store_true", help="keep quantised latents alone")
    add("--quantiser", choices=("uniform", "mulaw", "codebook"), default="uniform", help=QUANTISER)
    add("--levels", type=int, default=9, metavar="K", help="codes of a number (default 9; odd keeps 0)")
    add("--limit", type=float, metavar="X", help="latents are clipped here (default: that of the first 256 lines)")
    add("--report", action="store_true", help="bits a line beside gzip, xz and n-grams, on standard error")
    add("--ngram-corpus", metavar="FILE", help="text that the n-grams of --report are counted in (default: none)")
    add("--sweep", metavar="K,K,...", help="rate and distortion for these numbers of levels, both quantisers")
    add("--json", action="store_true", help="--report and --sweep as JSON")
    parser.add_argument_group("computing").add_argument("--device", default="cpu", help="cpu (default); lossy: any")


def main(argv: list[str], prog: str = "textvae compress") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    args = parsed(parser, argv)
    return streams.guarded(prog, args, lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write the file, or the table."""
    from textvae.extras.compression.compressor import Coding, Compressor

    streams.check_files([name for name in (args.file, args.ngram_corpus, args.dictionary) if name is not None])
    coding = Coding(args.lossy, args.quantiser, args.levels, args.limit, args.dictionary)
    if args.sweep is None and args.output is None and sys.stdout.isatty():
        raise UserError("what is compressed is no text for a terminal; give --output FILE")
    if args.file == "-" and (args.report or args.sweep is not None):
        raise UserError("--report and --sweep read the text twice; give a FILE")
    levels = None if args.sweep is None else whole_numbers(args.sweep)
    compressor = Compressor.from_pretrained(args.run, args.device)
    if levels is not None:
        return sweep(args, compressor.space, levels)
    with opened(args.output) as out, progress("bytes") as shown, source(args.file) as handle:
        rate = compressor.compress_to(out, chunks(handle, shown), coding)
    note(f"{rate.bytes_in} bytes to {rate.bytes_out}: {rate.bits_per_line:.1f} bits a line")
    if args.report:
        report(args, compressor.space, coding, rate.bits_per_line)
    return 0


def source(name: str) -> IO[bytes]:
    """The file to read."""
    return sys.stdin.buffer if name == "-" else open(name, "rb")


def chunks(handle: IO[bytes], shown: Progress) -> Iterator[bytes]:
    """Its bytes."""
    while data := handle.read(1 << 16):
        yield data
        shown.add(len(data))


def whole_numbers(text: str) -> list[int]:
    """`3,5,9`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--sweep {text}: give whole numbers with commas between, as in 3,5,9") from None


def sweep(args: argparse.Namespace, space: LatentSpace, levels: list[int]) -> int:
    """Rate and distortion."""
    from textvae.extras.compression.evaluation import rate_distortion
    from textvae.terminal import show_json, show_table

    points = rate_distortion(space, Path(args.file), levels, limit=args.limit)
    if args.json:
        show_json([vars(point) for point in points])
        return 0
    head = ("quantiser", "levels", "bits a line", "bits a number", "squared error", "BLEU", "exact")
    rows = [
        (p.quantiser, str(p.levels), f"{p.bits_per_line:.1f}", f"{p.bits_per_number:.3f}")
        + (f"{p.squared_error:.4f}", f"{p.bleu:.1f}", f"{100 * p.exact:.1f} %")
        for p in points
    ]
    show_table(head, rows, right=range(1, len(head)))
    return 0


def report(args: argparse.Namespace, space: LatentSpace, coding: Coding, bits: float) -> None:
    """What others make of the same file, and what a lossy file loses."""
    import json

    from textvae.extras.compression.evaluation import compare, distortion

    rows = {"textvae": bits, **compare(Path(args.file), space.reader, args.ngram_corpus)}
    lost = vars(distortion(space, Path(args.file), coding)) if args.lossy else {}
    if args.json:
        print(json.dumps({"bits_per_line": rows, **lost}), file=sys.stderr)
        return
    for name, value in rows.items():
        print(f"  {value:9.1f} bits a line  {name}", file=sys.stderr)
    if lost:
        print(f"  BLEU {lost['bleu']:.1f}, exact {100 * lost['exact']:.1f} %", file=sys.stderr)
