"""`textvae generate`: sentences from a latent space."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from textvae.commands import streams
from textvae.commands.latent_uses import (
    add_answers,
    answered,
    begun,
    file_lines,
    load_space,
    opened,
    parsed,
    progress,
    put,
    writing,
)

DESCRIPTION = """\
Write new sentences: z is drawn and decoded. Drawn from the prior; from that of a style (--label); near a
sentence (--like); or from the Gaussian that fits the sentences of a file (--corpus), which helps where a
small weight of the KL has left the vectors of sentences far from the prior, as does a prior fitted to
them afterwards (`textvae fit-prior`, then --prior fitted). The same seed gives the same
sentences, whatever the batch size. In Python: LatentSpace.from_pretrained(RUN).generate(10)."""

EXAMPLES = """\
  textvae generate runs/yelp --count 10 --seed 1
  textvae generate runs/yelp --label positive --count 1000 --sample --temperature 0.7 --output made.txt
  textvae generate runs/yelp --prior fitted --count 10
  textvae generate runs/yelp --like "The food was awful!" --noise 0.5 --count 5 --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    begun(parser, DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add("--count", "-n", type=int, default=10, metavar="N", help="how many (default 10)")
    where = parser.add_mutually_exclusive_group().add_argument
    where(
        "--label",
        metavar="STYLE",
        action="append",
        help="draw from the prior of this label; where the model knows several attributes, LABEL or ATTRIBUTE=LABEL, "
        "given once for each that is not to be drawn",
    )
    where("--like", "--neighbour", metavar="SENTENCE", help="draw near this sentence")
    where("--corpus", metavar="FILE", help="draw from the Gaussian of the sentences of a text file")
    add(
        "--prior",
        choices=("own", "fitted"),
        default="own",
        help="the model's own prior (default), or the one that `textvae fit-prior` fitted to its vectors",
    )
    add(
        "--noise",
        type=float,
        metavar="X",
        help="how far from --like, in standard deviations of the prior (default 0.3)",
    )
    add_answers(parser, "number, candidates with scores")


def main(argv: list[str], prog: str = "textvae generate") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    args = parsed(parser, argv)
    return streams.guarded(prog, args, lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write the sentences."""
    from textvae.errors import UserError

    if args.noise is not None and args.like is None:
        raise UserError("--noise says how far from --like; give both")
    options = writing(args) | ({} if args.noise is None else {"noise": args.noise})
    if args.corpus is not None:
        streams.check_files([args.corpus])
    if streams.several_processes():
        return run_distributed(args, options)
    with opened(args.output) as out, progress("sentences") as shown:
        put(out, shown.over(sentences(args, options, 0, args.count)))
    return 0


def sentences(args: argparse.Namespace, options: dict[str, Any], first: int, stop: int) -> Iterator[str]:
    """Lines of output number `first` to `stop`."""
    space = load_space(args)
    corpus = None if args.corpus is None else file_lines([args.corpus])
    drawn = space.draw(stop - first, args.label, args.like, corpus=corpus, prior=args.prior, start=first, **options)
    for number, found in enumerate(drawn, first):
        yield answered(found, args.json, number=number)


def run_distributed(args: argparse.Namespace, options: dict[str, Any]) -> int:
    """The same on several processes: each writes its share of the numbers."""
    from textvae.commands.distributed import in_shares
    from textvae.errors import UserError

    def check() -> None:
        if args.corpus == "-":
            raise UserError("several processes cannot share standard input: name a file as --corpus")

    def tasks(part: Path, rank: int, world: int, device: str) -> list[Callable[[], None]]:
        def work() -> None:
            args.device = device
            with open(part, "wb") as out:
                put(out, sentences(args, options, args.count * rank // world, args.count * (rank + 1) // world))

        return [work]

    return in_shares("textvae generate", args, check, tasks)
