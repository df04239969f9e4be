"""The `textvae` command. Every subcommand imports what it needs only when it runs, so `--help` is instant."""

from __future__ import annotations

import argparse
import difflib
import sys
import traceback

from textvae.commands import COMMANDS, command_module
from textvae.errors import UserError
from textvae.volume import USUAL, VERBOSE, Volume

EPILOG = """\
Every command has --help with examples, --quiet and --verbose. Results go to standard output, all else to
standard error; colour is off when piped, and where NO_COLOR is set.

exit codes:
  0        done
  1        unexpected error, told with a traceback
  2        wrong input or usage; the message names the file or option and says what to do
  3        the training diverged
  130/143  stopped by Ctrl-C or SIGTERM; nothing is half written, and a training goes on with --resume

examples:
  textvae summarize "The mayor, who was elected two years ago, said on Friday that he will resign."
  textvae train --config configs/toy/demo.yaml --run runs/mine
  echo "The soup was cold." | textvae transfer runs/mine --to positive"""


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    Volume.level = USUAL
    if not argv or argv[0] not in COMMANDS:
        return without_command(argv)
    module = command_module(argv[0])
    try:
        return module.main(argv[1:], prog=f"textvae {argv[0]}")
    except UserError as error:
        if Volume.level == VERBOSE:
            traceback.print_exc()
        print(f"textvae {argv[0]}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except SystemExit as stop:
        if stop.code == 2:
            print(f"`textvae {argv[0]} --help` has every option, and examples", file=sys.stderr)
        raise


def without_command(argv: list[str]) -> int:
    """--version, --help, and mistakes."""
    parser = argparse.ArgumentParser(
        prog="textvae",
        description="Latent-variable models of text.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    names = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        names.add_parser(name, help=text, add_help=False)
    if argv and not argv[0].startswith("-"):
        near = difflib.get_close_matches(argv[0], COMMANDS, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        parser.exit(2, f"textvae: there is no command {argv[0]!r}; {meant}`textvae --help` lists them all\n")
    if parser.parse_args(argv).version:
        from importlib.metadata import version

        print(version("textvae"))
    else:
        parser.print_help()
    return 0


if __name__ == "__main__":
    sys.exit(main())
