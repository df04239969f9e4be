"""`textvae summarize`: files, pipes and people at a terminal."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from textvae.commands import streams
from textvae.commands.conversation import Conversation, converse, number
from textvae.commands.streams import DETOKENISE, EXIT_CODES, LineCommand
from textvae.inference.streaming import Answer
from textvae.volume import note

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.inference.summarization import Candidate, Summarizer
    from textvae.inference.summary_options import SummaryOptions

DEFAULT = "news"

DESCRIPTION = """\
Shorten documents to at most a number of words, one line out for every line in.

Without FILE the text is read from standard input as it comes; on a terminal, from a prompt.
A line is a document of any length: of what the model cannot read at once the sentences that matter
are shortened. What has no complete shorter form comes back as it is, and is counted at the end
("unchanged" in --json). Raw text comes back as raw text, tokenised text as
tokenised text. An empty line stays empty."""

EPILOG = f"""\
{EXIT_CODES.format(wrong="no such file or model, text that is not UTF-8")}

examples:
  textvae summarize "The mayor, elected two years ago, said on Friday that the city will close three schools."
  textvae summarize runs/news --words 10 articles.txt --output titles.txt
  tr '\\n' ' ' < article.txt | textvae summarize runs/news --ratio 0.2
  textvae summarize runs/news --num-candidates 5 --json articles.txt
  accelerate launch --num_processes 2 -m textvae.cli summarize runs/news big.txt --output out.txt

Several processes (accelerate launch, torchrun) need FILEs and --output on a file system that all of
them see. On CPUs: ACCELERATE_USE_CPU=true torchrun --nproc_per_node 2 -m textvae.cli summarize ..."""

HELP = """\
A line is shortened. Commands:
  :words N        at most N words
  :ratio R        at most this share of the document's words
  :candidates N   how many summaries to show
  :help  :quit    (or Ctrl-D)"""

OPTIONS = (
    "words",
    "ratio",
    "chars",
    "sentences",
    "min_words",
    "checked",
    "headline",
    "choose_length",
    "free_length",
    "beam",
    "num_candidates",
    "length_penalty",
    "reconstruction",
    "phrases",
    "lead",
    "no_repeat_ngram",
    "allow_unk",
    "detokenise",
    "batch_size",
)
"""Arguments that are fields of `SummaryOptions`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    streams.add_streams(parser, "input, candidates with words and scores", DEFAULT)
    add = parser.add_argument_group("length (words as the model counts them: punctuation marks are words)").add_argument
    add("--words", type=int, metavar="N", help="most words (default: what is stored with the model, else 8)")
    add("--ratio", type=float, metavar="R", help="most words as a share of the document's, above 0 and at most 1")
    add("--chars", type=int, metavar="N", help="most characters, as for a subtitle or a title")
    add("--sentences", type=int, metavar="N", help="most sentences of a long document (default: as the limits allow)")
    add("--min-words", type=int, metavar="N", help="fewest words, if there is a choice (default: half of the most)")
    add(
        "--choose-length",
        action="store_true",
        default=None,
        help="try every length from the fewest to the most words and keep the likeliest (as many searches)",
    )
    add(
        "--free-length",
        action="store_true",
        default=None,
        help="let the model end where it likes between the fewest and the most words, if it was trained so",
    )
    add = parser.add_argument_group("what is written").add_argument
    add(
        "--unchecked",
        dest="checked",
        action="store_false",
        default=None,
        help="show what the model likes best, complete and true or not",
    )
    add("--headline", action="store_true", default=None, help="leave out articles and forms of be, write `to` for will")
    add = parser.add_argument_group("search").add_argument
    add("--beam", type=int, metavar="N", help="beam width (default 5, or the number of candidates; 1 is greedy)")
    add("--num-candidates", type=int, metavar="N", help="candidates per line, separated by tabs (default 1)")
    add("--length-penalty", type=float, metavar="A", help="rank by log-probability / length ** A (default 1)")
    add(
        "--reconstruction",
        type=float,
        metavar="W",
        help="add to the rank W times log p(document | summary) per word: of likely summaries the one that tells more",
    )
    add(
        "--phrases",
        type=float,
        metavar="W",
        help="add to the rank W times the share of word pairs that stand together in the document: phrases stay whole",
    )
    add("--lead", type=float, metavar="W", help="take from the rank W times the mean place, 0 to 1, of the words there")
    add("--no-repeat-ngram", type=int, metavar="N", help="never write N tokens in a row twice (default 3; 0: allow it)")
    add("--allow-unk", action="store_true", default=None, help="let <unk> stand in the output")
    add("--detokenise", choices=DETOKENISE, help="auto (default): unless the line came in tokenised")
    streams.add_computing(parser, "each beam a row")


def main(argv: list[str], prog: str = "textvae summarize") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    return streams.run(parser.parse_intermixed_args(argv), SUMMARIZE)


def load(args: argparse.Namespace, device: str | None) -> tuple[Summarizer, SummaryOptions]:
    """The model and what is asked of it."""
    from textvae.inference.summarization import Summarizer
    from textvae.inference.summary_options import SummaryOptions

    given: dict[str, Any] = {n: getattr(args, n) for n in OPTIONS if getattr(args, n) is not None}
    if "detokenise" in given:
        given["detokenise"] = DETOKENISE[given["detokenise"]]
    SummaryOptions(**given)  # what is wrong is told before the model is read
    model = Summarizer.from_pretrained(args.run, device=device, precision=args.precision)
    return model, model.options(**given)


class Shortener:
    """Lines to lines of output; counts the documents that came back as they were."""

    def __init__(self, model: Summarizer, options: SummaryOptions, as_json: bool):
        self.model, self.options, self.as_json = model, options, as_json
        self.documents, self.reasons = 0, Counter[str]()

    def __call__(self, lines: list[str], first: int) -> Iterator[str]:
        for line, candidates in zip(lines, self.model.summarise(lines, self.options), strict=True):
            self.documents += 1
            if (reason := candidates[0].unchanged) is not None:
                self.reasons[reason] += 1
            yield as_line(line, candidates, self.as_json)

    def finish(self) -> None:
        """Say once how many came back as they were, and why."""
        told = ", ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())
        if told:
            note(f"{self.reasons.total()} of {self.documents} documents unchanged: {told}")


def answerer(args: argparse.Namespace, device: str | None) -> Answer:
    """Lines to lines of output."""
    return Shortener(*load(args, device), args.json)


def as_line(line: str, candidates: list[Candidate], as_json: bool) -> str:
    """One line of output for one line of input."""
    if not as_json:
        return "\t".join(c.text for c in candidates)
    reason = candidates[0].unchanged
    told = {} if reason is None else {"unchanged": reason}
    rows = [
        {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(c).items() if v is not None}
        for c in candidates
    ]
    return json.dumps({"input": line, **told, "candidates": rows}, ensure_ascii=False)


# ---------------------------------------------------------------------- the prompt
def talk(args: argparse.Namespace) -> int:
    """Read, shorten, print, until Ctrl-D or `:quit`."""
    model, options = load(args, args.device)

    def answer(options: SummaryOptions, line: str) -> str:
        (candidates,) = model.summarise([line], options)
        return as_line(line, candidates, as_json=True) if args.json else "\n".join(c.text for c in candidates)

    commands = {":words": set_words, ":ratio": set_ratio, ":candidates": set_candidates}
    return converse(Conversation(HELP, lambda options: str(options.length()), answer, commands), options)


def set_words(options: SummaryOptions, value: str) -> SummaryOptions:
    """`:words N`."""
    return replace(options, words=int(number(value, int)), ratio=None, chars=None, limited=True)


def set_ratio(options: SummaryOptions, value: str) -> SummaryOptions:
    """`:ratio R`."""
    return replace(options, words=None, ratio=number(value, float), chars=None, limited=True)


def set_candidates(options: SummaryOptions, value: str) -> SummaryOptions:
    """`:candidates N`; a beam given on the command line stays where it is wide enough."""
    count = int(number(value, int))
    beam = None if options.beam is None else max(options.beam, count)
    return replace(options, num_candidates=count, beam=beam)


SUMMARIZE = LineCommand("textvae summarize", answerer, talk, DEFAULT)
