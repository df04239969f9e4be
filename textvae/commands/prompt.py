"""The prompt of `textvae transfer` on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace

from textvae.commands.transfer import as_line
from textvae.errors import UserError
from textvae.inference.style_transfer import StyleTransfer, TransferOptions

HELP = """\
A line is rewritten. Commands:
  :to LABEL       another style ({labels})
  :strength X     0 neutral, 1 the style itself, above 1 exaggerated
  :candidates N   how many rewritings to show
  :help  :quit    (or Ctrl-D)"""

Command = Callable[[StyleTransfer, TransferOptions, str], TransferOptions]


def set_target(model: StyleTransfer, options: TransferOptions, value: str) -> TransferOptions:
    """`:to LABEL`."""
    model.label(value)
    return replace(options, target=value)


def set_strength(model: StyleTransfer, options: TransferOptions, value: str) -> TransferOptions:
    """`:strength X`."""
    return replace(options, strength=number(value, float))


def set_candidates(model: StyleTransfer, options: TransferOptions, value: str) -> TransferOptions:
    """`:candidates N`; a beam given on the command line stays where it is wide enough."""
    count = int(number(value, int))
    beam = None if options.beam is None else max(options.beam, count)
    return replace(options, num_candidates=count, beam=beam)


def show_help(model: StyleTransfer, options: TransferOptions, value: str) -> TransferOptions:
    """`:help`."""
    print(HELP.format(labels=", ".join(model.labels)))
    return options


COMMANDS: dict[str, Command] = {
    ":to": set_target,
    ":strength": set_strength,
    ":candidates": set_candidates,
    ":help": show_help,
}
LEAVE = (":quit", ":q", ":exit")


def number(value: str, kind: type[int] | type[float]) -> float:
    """A number, or a message for people."""
    try:
        return kind(value)
    except ValueError:
        raise UserError(f"{value!r} is not a number") from None


def prompt(model: StyleTransfer, options: TransferOptions, as_json: bool) -> int:
    """Read, rewrite, print, until Ctrl-D or `:quit`. Nothing that goes wrong with one line ends it."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (line editing and history for input())

    show_help(model, options, "")
    while True:
        try:
            line = input(f"{options.target}> ")
        except EOFError:
            print()
            return 0
        except KeyboardInterrupt:
            print()
            continue
        if line.strip() in LEAVE:
            return 0
        try:
            options = answer(model, options, line, as_json)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001  (the session outlives any one line)
            print(f"{error if isinstance(error, UserError) else repr(error)}", file=sys.stderr)


def answer(model: StyleTransfer, options: TransferOptions, line: str, as_json: bool) -> TransferOptions:
    """Obey a command or print rewritings; returns the options to go on with."""
    name, _, value = line.strip().partition(" ")
    if name in COMMANDS:
        return COMMANDS[name](model, options, value.strip())
    if name[:1] == ":" and name[1:2].isalpha() and len(name) > 2:  # ":(" and ":D" are text
        raise UserError(f"no command {name}; there are {', '.join(COMMANDS)} and :quit")
    if not line.strip():
        return options
    candidates = model.rewrite([line], options, judge=as_json)[0]
    if as_json:
        print(as_line(line, candidates, options.target, as_json=True), flush=True)
    else:
        print("\n".join(c.text for c in candidates), flush=True)
    return options
