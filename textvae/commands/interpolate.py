"""`textvae interpolate`: sentences on the way from one to another."""

from __future__ import annotations

import argparse

from textvae.commands import streams
from textvae.commands.latent_uses import add_answers, answered, begun, load_space, opened, parsed, put, writing

DESCRIPTION = """\
Decode the points on the way from the vector of sentence A to that of sentence B. The first line is the
reconstruction of A, the last that of B. lerp is the straight line; slerp follows the arc, which stays as far from
the origin as the prior's draws are. In Python: LatentSpace.from_pretrained(RUN).interpolate(A, B, steps=7)."""

EXAMPLES = """\
  textvae interpolate runs/yelp "The food was awful!" "I love this place."
  textvae interpolate runs/yelp "The food was awful!" "I love this place." --steps 12 --way slerp --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    begun(parser, DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add("a", metavar="A", help="first sentence")
    add("b", metavar="B", help="last sentence")
    add("--steps", type=int, default=7, metavar="N", help="sentences, both ends among them (default 7)")
    add("--way", choices=("lerp", "slerp"), default="lerp", help="line or arc (default lerp)")
    add_answers(parser, "share of B, candidates with scores")


def main(argv: list[str], prog: str = "textvae interpolate") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    args = parsed(parser, argv)
    return streams.guarded(prog, args, lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write the sentences."""
    options = writing(args)
    found = load_space(args).interpolation(args.a, args.b, args.steps, args.way, **options)
    shares = [round(i / (args.steps - 1), 4) for i in range(args.steps)]
    with opened(args.output) as out:
        put(out, (answered(f, args.json, share=share) for share, f in zip(shares, found, strict=True)))
    return 0
