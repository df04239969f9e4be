"""`textvae nearest`: the sentences of a corpus that are nearest to a sentence."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.commands import streams
from textvae.commands.latent_uses import add_part, begun, file_lines, given_lines, load_space, opened, parsed, put

if TYPE_CHECKING:
    from textvae.inference.latents.neighbours import Neighbour
    from textvae.inference.latents.space import LatentSpace
    from textvae.inference.latents.vector_files import Rows

DESCRIPTION = """\
Find the sentences of a corpus whose vectors are nearest to that of SENTENCE, by exact comparison with all of them.
The corpus is a text file, or what `textvae encode` made of one. Without SENTENCE the lines of standard input.
A line of output is score, line in the corpus and text, tabs between; several sentences are apart by empty lines."""

EXAMPLES = """\
  textvae nearest runs/yelp "The staff was rude." --corpus reviews.arrow
  textvae nearest runs/yelp --corpus reviews.txt --count 3 --metric l2 --part content --json < sentences.txt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    begun(parser, DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add("sentences", metavar="SENTENCE", nargs="*", help="what to look for")
    add("--corpus", metavar="FILE", type=Path, required=True, help="text file, .npz or .arrow")
    add("--count", "-n", type=int, default=5, metavar="N", help="how many (default 5)")
    add("--metric", choices=("cosine", "l2"), default="cosine", help="cosine, or Euclidean distance (default cosine)")
    add("--output", "-o", metavar="FILE", type=Path, help="write here, whole or not at all (default: standard output)")
    add("--json", action="store_true", help="one JSON object a line: input, neighbours with scores")
    add_part(parser)
    streams.add_computing(parser, "not used here")


def main(argv: list[str], prog: str = "textvae nearest") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    args = parsed(parser, argv)
    return streams.guarded(prog, args, lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write the neighbours of every sentence."""
    from textvae.inference.latents.neighbours import nearest

    streams.check_files([str(args.corpus)])
    space = load_space(args)
    corpus = open_corpus(space, args.corpus, args.part)
    with opened(args.output) as out:
        for window in given_lines(args.sentences):
            found = nearest(space.vectors(window, args.part), corpus(), args.count, args.metric)
            put(out, (shown(line, near, args.json, args.sentences) for line, near in zip(window, found, strict=True)))
    return 0


def open_corpus(space: LatentSpace, path: Path, part: str) -> Callable[[], Iterator[Rows]]:
    """What reads the corpus from its beginning; a text file is encoded each time a window of queries comes."""
    from textvae.inference.latents.vector_files import SUFFIXES, Source, labelled, read_vectors

    wanted = Source(space.fingerprint, part, space.width(part))
    if path.suffix not in SUFFIXES:
        return lambda: labelled(space.encode_stream(file_lines([str(path)]), part), None)
    read_vectors(path)[0].check(wanted, str(path))
    return lambda: read_vectors(path)[1]


def shown(line: str, found: list[Neighbour], as_json: bool, several: list[str]) -> str:
    """The neighbours of a sentence."""
    if as_json:
        rows: list[dict[str, Any]] = [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in vars(n).items() if v is not None} for n in found
        ]
        return json.dumps({"input": line, "neighbours": rows}, ensure_ascii=False)
    end = "" if len(several) == 1 else "\n"
    return "\n".join(f"{n.score:.4f}\t{n.line}\t{n.text}" for n in found) + end
