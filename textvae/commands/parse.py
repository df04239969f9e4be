"""`textvae parse`: the trees of sentences, by a grammar that learnt from sentences alone."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textvae.commands import streams
from textvae.commands.conversation import Conversation, converse
from textvae.commands.streams import EXIT_CODES, LineCommand
from textvae.inference.streaming import Answer

if TYPE_CHECKING:  # torch and transformers take seconds, and `--help` needs neither
    from textvae.extras.trees.parser import Parsed, TreeParser

DEFAULT = "nothing is meant"
"""No grammar comes with the package."""

DESCRIPTION = """\
Put brackets around the constituents of sentences, one line out for every line in.

Without FILE the text is read from standard input as it comes; on a terminal, from a prompt. RUN is a
training of task `tree`. The output can be read as a treebank again. An empty line stays empty."""

EPILOG = f"""\
{EXIT_CODES.format(wrong="no such file or model, text that is not UTF-8")}

examples:
  echo "the dog sees a cat" | textvae parse runs/trees         # ( ( the dog ) ( sees ( a cat ) ) )
  textvae parse runs/trees sentences.txt --output trees.txt
  textvae parse runs/trees sentences.txt --json | jq .log_prob"""

HELP = "A sentence is put in brackets. :help, :quit (or Ctrl-D)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    streams.add_streams(parser, "input, tree, words, spans (word i up to j), log-probability in nats", DEFAULT)
    add = parser.add_argument_group("computing").add_argument
    add("--batch-size", type=int, metavar="N", default=32, help="sentences parsed at once (default 32)")
    add("--device", metavar="D", help="cpu, cuda, cuda:1 ... (default: a GPU if there is one)")


def main(argv: list[str], prog: str = "textvae parse") -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog)
    add_arguments(parser)
    return streams.run(parser.parse_intermixed_args(argv), PARSE)


def load(args: argparse.Namespace, device: str | None) -> TreeParser:
    """The grammar."""
    from textvae.extras.trees.parser import TreeParser

    return TreeParser.from_pretrained(args.run, device, args.batch_size)


def answerer(args: argparse.Namespace, device: str | None) -> Answer:
    """Lines to lines of output."""
    parser = load(args, device)

    def answer(lines: list[str], first: int) -> Iterator[str]:
        for line, parsed in zip(lines, parser.parse(lines, first), strict=True):
            yield as_line(line, parsed, args.json)

    return answer


def as_line(line: str, parsed: Parsed, as_json: bool) -> str:
    """One line of output for one line of input."""
    if not as_json:
        return str(parsed)
    spans = sorted(parsed.spans)
    found = {"tree": str(parsed), "words": parsed.words, "spans": spans, "log_prob": round(parsed.log_prob, 4)}
    return json.dumps({"input": line, **found}, ensure_ascii=False)


def talk(args: argparse.Namespace) -> int:
    """Read, parse, print, until Ctrl-D or `:quit`."""
    parser = load(args, args.device)

    def answer(_: None, line: str) -> str:
        return as_line(line, parser.parse([line])[0], args.json)

    return converse(Conversation(HELP, lambda _: "sentence", answer, {}), None)


PARSE = LineCommand("textvae parse", answerer, talk, DEFAULT)
