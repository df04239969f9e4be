"""`textvae transfer`: files, pipes and people at a terminal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textvae.commands import streams
from textvae.commands.streams import DETOKENISE, EXIT_CODES, Answer, LineCommand
from textvae.errors import UserError

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.style_transfer import Candidate, StyleTransfer, TransferOptions

DESCRIPTION = """\
Rewrite text in another style, one line out for every line in.

Without FILE the text is read from standard input as it comes; on a terminal, from a prompt.
Raw text comes back as raw text, tokenised text as tokenised text. A line may hold several
sentences. An empty line stays empty."""

EPILOG = f"""\
{EXIT_CODES.format(wrong="no such file, label or model, text that is not UTF-8")}

examples:
  textvae transfer runs/yelp --to positive reviews.txt --output happy.txt
  echo "The food was awful!" | textvae transfer runs/yelp --to positive --num-candidates 5 --json
  accelerate launch --num_processes 2 -m textvae.cli transfer runs/yelp --to positive big.txt --output out.txt

Several processes (accelerate launch, torchrun) need FILEs and --output on a file system that all of
them see. On CPUs: ACCELERATE_USE_CPU=true torchrun --nproc_per_node 2 -m textvae.cli transfer ..."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    streams.add_streams(parser, "input, target, candidates with scores")
    parser.add_argument("--to", metavar="LABEL", help="style wanted: one of the labels of the training data")
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
    streams.add_computing(parser, "each beam or sample a row", 384)


SEARCH = ("strength", "beam", "num_candidates", "length_penalty", "no_repeat_ngram", "allow_unk")
SAMPLING = ("sample", "temperature", "top_k", "top_p", "seed")
OPTIONS = (*SEARCH, *SAMPLING, "detokenise", "batch_size")
"""Arguments that are fields of `TransferOptions`."""


def main(argv: list[str], prog: str = "textvae transfer") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    return streams.run(parser.parse_intermixed_args(argv), TRANSFER)


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


def answerer(args: argparse.Namespace, device: str | None) -> Answer:
    """Lines to lines of output."""
    model, options = load(args, device)

    def answer(lines: list[str], first: int) -> Iterator[str]:
        found = model.rewrite(lines, options, first, judge=args.json)
        for line, candidates in zip(lines, found, strict=True):
            yield as_line(line, candidates, options.target, args.json)

    return answer


def talk(args: argparse.Namespace) -> int:
    """The prompt on a terminal."""
    from textvae.commands.prompt import prompt

    model, options = load(args, args.device)
    return prompt(model, options, args.json)


TRANSFER = LineCommand("textvae transfer", answerer, talk)


def as_line(line: str, candidates: list[Candidate], target: str, as_json: bool) -> str:
    """One line of output for one line of input."""
    if not as_json:
        return "\t".join(c.text for c in candidates)
    from dataclasses import asdict

    rows = [{k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(c).items()} for c in candidates]
    return json.dumps({"input": line, "target": target, "candidates": rows}, ensure_ascii=False)
