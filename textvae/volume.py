"""How much a command says: --quiet and --verbose, the same for all of them."""

from __future__ import annotations

import logging
import sys
from typing import Any

from textvae.errors import UserError

QUIET, USUAL, VERBOSE = range(3)


class Volume:
    """How much the command of this process says."""

    level = USUAL


def add_volume(parser: Any) -> None:
    """--quiet and --verbose, for a parser of argparse or jsonargparse; `set_volume` obeys them."""
    parser.add_argument("--quiet", "-q", action="store_true", help="say nothing but results and errors")
    parser.add_argument("--verbose", "-v", action="store_true", help="say more, and with an error where it arose")


def set_volume(arguments: Any) -> None:
    """Obey --quiet and --verbose; UserError where both are given."""
    if arguments.quiet and arguments.verbose:
        raise UserError("--quiet and --verbose exclude each other; give one of them")
    Volume.level = QUIET if arguments.quiet else VERBOSE if arguments.verbose else USUAL
    logging.getLogger("textvae").setLevel(
        {QUIET: logging.ERROR, USUAL: logging.WARNING, VERBOSE: logging.INFO}[Volume.level]
    )


def note(text: str) -> None:
    """A line on standard error about what was done, unless --quiet."""
    if Volume.level > QUIET:
        print(text, file=sys.stderr, flush=True)


def detail(text: str) -> None:
    """A line on standard error with --verbose alone."""
    if Volume.level == VERBOSE:
        note(text)
