"""`textvae transfer`: files, pipes and people at a terminal."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.commands import streams
from textvae.commands.streams import DETOKENISE, EXIT_CODES, LineCommand
from textvae.errors import UserError
from textvae.inference.streaming import Answer
from textvae.volume import note

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.style_transfer import Candidate, StyleTransfer, TransferOptions

DEFAULT = "yelp"

MOST_REASONS = 8
"""Reasons for unchanged sentences that are told apart."""

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
    add_contract(parser)
    add_reranking(parser)
    streams.add_computing(parser, "each beam or sample a row", 384)


def add_contract(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what may not change."""
    add = parser.add_argument_group("what stays as it is").add_argument
    add(
        "--contract",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="a sentence comes back unchanged where no rewriting keeps its numbers, names, quotations, addresses and "
        "the scope of its negations, where it has the style already, or the model does not know its words (default on)",
    )
    add(
        "--accept",
        type=float,
        metavar="P",
        help="a sentence comes back unchanged where readers accept no rewriting with this probability, by the judge of "
        "`textvae fit-judge`; 0 answers always (default: as stored with the judge)",
    )
    add("--protect", metavar="WORD", action="append", help="a word or phrase that stays (may be given several times)")
    add("--protect-file", metavar="FILE", type=Path, help="a file of such words, one a line, UTF-8")


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
OPTIONS = ("keep", "contract", "accept", *SEARCH, *SAMPLING, *RERANKING, *REVISING, "detokenise", "batch_size")
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
    protect = (*(args.protect or ()), *words_in(args.protect_file))
    options = TransferOptions(target=target, like=tuple(args.like or ()), protect=protect, **given)
    model = StyleTransfer.from_pretrained(args.run, device=device, precision=args.precision)
    model.writer(options)  # complain before the first line is read
    return model, options


def words_in(path: Path | None) -> list[str]:
    """The lines of a file that are not empty; UserError where it is none."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--protect-file {path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    return [line.strip() for line in lines if line.strip()]


class Rewriter:
    """Lines to lines of output; counts the sentences that came back as they were."""

    def __init__(self, model: StyleTransfer, options: TransferOptions, as_json: bool):
        self.model, self.options, self.as_json = model, options, as_json
        self.sentences, self.reasons = 0, Counter[str]()

    def __call__(self, lines: list[str], first: int) -> Iterator[str]:
        found = self.model.rewrite(lines, self.options, first, judge=self.as_json)
        for line, candidates in zip(lines, found, strict=True):
            kept = candidates[0].kept
            self.sentences += len(kept)
            self.reasons.update(reason for reason in kept if reason is not None)
            yield as_line(line, candidates, self.options, self.as_json)

    def finish(self) -> None:
        """Say once how many came back as they were, and why."""
        if not self.reasons:
            return
        told = [f"{count} {reason}" for reason, count in self.reasons.most_common(MOST_REASONS)]
        if others := self.reasons.total() - sum(count for _, count in self.reasons.most_common(MOST_REASONS)):
            told.append(f"{others} for other reasons")
        plural = "" if self.sentences == 1 else "s"
        note(f"{self.reasons.total()} of {self.sentences} sentence{plural} unchanged: {', '.join(told)}")


def answerer(args: argparse.Namespace, device: str | None) -> Answer:
    """Lines to lines of output."""
    return Rewriter(*load(args, device), args.json)


def talk(args: argparse.Namespace) -> int:
    """The prompt on a terminal."""
    from textvae.commands.prompt import prompt

    model, options = load(args, args.device)
    return prompt(model, options, partial(as_line, as_json=True) if args.json else None)


TRANSFER = LineCommand("textvae transfer", answerer, talk, DEFAULT)


def as_line(line: str, candidates: list[Candidate], options: TransferOptions, as_json: bool) -> str:
    """One line of output for one line of input."""
    if not as_json:
        return "\t".join(c.text for c in candidates)
    wanted = {"target": options.target} if options.target is not None else {"like": options.like}
    rows = [as_row(candidate) for candidate in candidates]
    reason = candidates[0].unchanged
    told = {} if reason is None else {"unchanged": reason}
    return json.dumps({"input": line, **wanted, **told, "candidates": rows}, ensure_ascii=False)


OPTIONAL = ("score", "parts", "unchanged", "acceptance")
"""Fields of a candidate that are told only where they have a value."""


def as_row(candidate: Candidate) -> dict[str, Any]:
    """A candidate with its scores; those of reranking only where there are any."""
    from dataclasses import asdict

    row = {key: rounded(value) for key, value in asdict(candidate).items() if key != "kept"}
    return {key: value for key, value in row.items() if value is not None or key not in OPTIONAL}


def rounded(value: Any) -> Any:
    """Numbers to four places."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value
