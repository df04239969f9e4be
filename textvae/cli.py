"""The `textvae` command. Every subcommand imports what it needs only when it runs, so `--help` is instant."""

from __future__ import annotations

import argparse
import sys

from textvae.commands.names import COMMANDS, command_module
from textvae.errors import UserError

EXIT_CODES = "exit codes: 0 done, 1 unexpected error, 2 wrong input or usage, 3 training diverged, 130/143 stopped"


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="textvae", description="Latent-variable models of text.", epilog=EXIT_CODES)
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    names = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        names.add_parser(name, help=text, add_help=False)
    if not argv or argv[0] not in COMMANDS:
        arguments = parser.parse_args(argv)
        if arguments.version:
            from importlib.metadata import version

            print(version("textvae"))
        else:
            parser.print_help()
        return 0
    module = command_module(argv[0])
    try:
        return module.main(argv[1:], prog=f"textvae {argv[0]}")
    except UserError as error:
        print(f"textvae {argv[0]}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
