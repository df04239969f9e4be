"""`textvae transfer`: files, pipes and people at a terminal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textvae.commands import streams
from textvae.commands.streams import DETOKENISE, EXIT_CODES, Answer, LineCommand

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.style_transfer import Candidate, StyleTransfer, TransferOptions

DEFAULT = "yelp"

DESCRIPTION = """\
Rewrite text in another style, one line out for every line in.

Without FILE the text is read from standard input as it comes; on a terminal, from a prompt.
Raw text comes back as raw text, tokenised text as tokenised text. A line may hold several
sentences. An empty line stays empty."""

EPILOG = f"""\
{EXIT_CODES.format(wrong="no such file, label or model, text that is not UTF-8")}

examples:
  textvae transfer --to positive "the food was bland"
  textvae transfer runs/yelp --to positive reviews.txt --output happy.txt
  textvae transfer runs/attributes --to positive --to tense=past reviews.txt
  echo "The food was awful!" | textvae transfer runs/yelp --to positive --num-candidates 5 --json
  accelerate launch --num_processes 2 -m textvae.cli transfer runs/yelp --to positive big.txt --output out.txt

Several processes (accelerate launch, torchrun) need FILEs and --output on a file system that all of
them see. On CPUs: ACCELERATE_USE_CPU=true torchrun --nproc_per_node 2 -m textvae.cli transfer ..."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    streams.add_streams(parser, "input, target, candidates with scores", DEFAULT)
    parser.add_argument(
        "--to",
        metavar="LABEL",
        action="append",
        help="style wanted: one of the labels of the training data; where the model knows several attributes, LABEL or "
        "ATTRIBUTE=LABEL, given once for each attribute to be changed (the others stay)",
    )
    parser.add_argument(
        "--like", metavar="TEXT", action="append", help="style wanted: that of this text (may be given several times)"
    )
    parser.add_argument(
        "--keep",
        choices=("label", "latent"),
        help="how attributes that --to does not name stay: by the vector of the label found in the text (default), or "
        "by the text's own z",
    )
    search = parser.add_argument_group("search")
    add = search.add_argument
    add(
        "--strength",
        type=float,
        metavar="X",
        help="0: neutral, 1: the style itself, above: exaggerated (default: as chosen on dev by the training)",
    )
    streams.add_search(add)
    add_reranking(parser)
    streams.add_computing(parser, "each beam or sample a row", 384)


def add_reranking(parser: argparse.ArgumentParser) -> None:
    """Arguments that ask for more than the likeliest sentence."""
    add = parser.add_argument_group("candidates (need `textvae fit-scorers RUN`, once)").add_argument
    add(
        "--rerank",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="order candidates by style, content and fluency: better and slower (default: as stored with the model)",
    )
    add("--rerank-candidates", type=int, metavar="K", help="how many are ranked (default: as tuned)")
    add("--retrieve", type=int, metavar="K", help="rank K sentences of the training data too, of the nearest content")
    add("--diversity", type=float, metavar="X", help="how unlike the --num-candidates are to be (default: as stored)")
    add(
        "--retrieve-only",
        action="store_true",
        default=None,
        help="write nothing, give the nearest sentences of the training data (a baseline)",
    )
    add("--revise", action="store_true", default=None, help="search for a better latent by gradient (slow)")
    add("--revise-steps", type=int, metavar="N", help="most steps of that search (default 20)")
    add("--revise-threshold", type=float, metavar="P", help="probability of the style that ends it (default .9)")


SEARCH = ("strength", "beam", "num_candidates", "length_penalty", "no_repeat_ngram", "allow_unk")
SAMPLING = ("sample", "temperature", "top_k", "top_p", "seed")
RERANKING = ("rerank", "rerank_candidates", "retrieve", "diversity", "retrieve_only")
REVISING = ("revise", "revise_steps", "revise_threshold")
OPTIONS = ("keep", *SEARCH, *SAMPLING, *RERANKING, *REVISING, "detokenise", "batch_size")
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
    target = args.to[0] if args.to and len(args.to) == 1 else args.to
    options = TransferOptions(target=target, like=tuple(args.like or ()), **given)
    model = StyleTransfer.from_pretrained(args.run, device=device, precision=args.precision)
    model.writer(options)  # complain before the first line is read
    return model, options


def answerer(args: argparse.Namespace, device: str | None) -> Answer:
    """Lines to lines of output."""
    model, options = load(args, device)

    def answer(lines: list[str], first: int) -> Iterator[str]:
        found = model.rewrite(lines, options, first, judge=args.json)
        for line, candidates in zip(lines, found, strict=True):
            yield as_line(line, candidates, options, args.json)

    return answer


def talk(args: argparse.Namespace) -> int:
    """The prompt on a terminal."""
    from textvae.commands.prompt import prompt

    model, options = load(args, args.device)
    return prompt(model, options, args.json)


TRANSFER = LineCommand("textvae transfer", answerer, talk, DEFAULT)


def as_line(line: str, candidates: list[Candidate], options: TransferOptions, as_json: bool) -> str:
    """One line of output for one line of input."""
    if not as_json:
        return "\t".join(c.text for c in candidates)
    wanted = {"target": options.target} if options.target is not None else {"like": options.like}
    rows = [as_row(candidate) for candidate in candidates]
    return json.dumps({"input": line, **wanted, "candidates": rows}, ensure_ascii=False)


def as_row(candidate: Candidate) -> dict[str, Any]:
    """A candidate with its scores; those of reranking only where there are any."""
    from dataclasses import asdict

    row = {key: rounded(value) for key, value in asdict(candidate).items()}
    return {key: value for key, value in row.items() if value is not None or key not in ("score", "parts")}


def rounded(value: Any) -> Any:
    """Numbers to four places."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value
