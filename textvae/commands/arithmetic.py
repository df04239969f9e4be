"""`textvae arithmetic`: add and take away what sentences mean."""

from __future__ import annotations

import argparse

from textvae.commands import streams
from textvae.commands.latent_uses import (
    add_answers,
    answered,
    begun,
    given_lines,
    load_space,
    opened,
    parsed,
    put,
    writing,
)

DESCRIPTION = """\
Decode z(SENTENCE) + X · (mean of the --plus sentences − mean of the --minus sentences), X being the --scale.
Without SENTENCE the lines of standard input, one line out for every line in.
In Python: LatentSpace.from_pretrained(RUN).arithmetic(SENTENCE, plus=[...], minus=[...])."""

EXAMPLES = """\
  textvae arithmetic runs/yelp "the staff was rude ." --plus "it was great !" "i love it ." --minus "it was awful !"
  textvae arithmetic runs/yelp --plus "they were good ." --minus "it was good ." < sentences.txt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    begun(parser, DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add("sentences", metavar="SENTENCE", nargs="*", help="what to change")
    add("--plus", metavar="TEXT", nargs="+", action="extend", default=[], help="sentences to add")
    add("--minus", metavar="TEXT", nargs="+", action="extend", default=[], help="sentences to take away")
    add("--scale", type=float, default=1.0, metavar="X", help="how much of the difference (default 1)")
    add_answers(parser, "input, candidates with scores")


def main(argv: list[str], prog: str = "textvae arithmetic") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    args = parsed(parser, argv)
    return streams.guarded(prog, args, lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write a line for every sentence."""
    options = writing(args)
    space = load_space(args)
    with opened(args.output) as out:
        for window in given_lines(args.sentences):
            found = space.arithmetics(window, args.plus, args.minus, args.scale, **options)
            put(out, (answered(f, args.json, input=line) for line, f in zip(window, found, strict=True)))
    return 0
