"""The prompt of a command on a terminal: a line in, an answer out, until Ctrl-D."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from textvae.errors import UserError

Options = TypeVar("Options")
LEAVE = (":quit", ":q", ":exit")
HELP = ":help"


@dataclass(frozen=True)
class Conversation(Generic[Options]):
    """What the prompt of one command shows and does."""

    help: str
    """Shown at the start and by `:help`."""
    label: Callable[[Options], str]
    """What stands before the `>`."""
    answer: Callable[[Options, str], str]
    """The text to print for a line that is not empty."""
    commands: Mapping[str, Callable[[Options, str], Options]]
    """`:name` to what it makes of the options and its value."""


def converse(conversation: Conversation[Options], options: Options) -> int:
    """Read, answer, print, until Ctrl-D or `:quit`. Nothing that goes wrong with one line ends it."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (line editing and history for input())

    print(conversation.help)
    while True:
        try:
            line = input(f"{conversation.label(options)}> ")
        except EOFError:
            print()
            return 0
        except KeyboardInterrupt:
            print()
            continue
        if line.strip() in LEAVE:
            return 0
        try:
            options = obey(conversation, options, line)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001  (the session outlives any one line)
            print(f"{error if isinstance(error, UserError) else repr(error)}", file=sys.stderr)


def obey(conversation: Conversation[Options], options: Options, line: str) -> Options:
    """Obey a command or print an answer; returns the options to go on with."""
    name, _, value = line.strip().partition(" ")
    if name in conversation.commands:
        return conversation.commands[name](options, value.strip())
    if name == HELP:
        print(conversation.help)
    elif name[:1] == ":" and name[1:2].isalpha() and len(name) > 2:  # ":(" and ":D" are text
        raise UserError(f"no command {name}; there are {', '.join((*conversation.commands, HELP))} and :quit")
    elif line.strip():
        print(conversation.answer(options, line), flush=True)
    return options


def number(value: str, kind: type[int] | type[float]) -> float:
    """A number, or a message for people."""
    try:
        return kind(value)
    except ValueError:
        raise UserError(f"{value!r} is not a number") from None
