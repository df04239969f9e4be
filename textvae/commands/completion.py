"""`textvae completion`: let the shell complete commands, options, choices and files."""

from __future__ import annotations

import argparse
from typing import Any

from textvae.commands import COMMANDS, command_module

DESCRIPTION = """\
Print a script that lets a shell complete `textvae`: its commands, their options and choices, run
directories and files. It is made from the parsers themselves; make it again after an update."""

EPILOG = """\
exit codes:
  0  done       2  an unknown shell, or shtab is not installed: pip install 'textvae[completion]'

examples:
  textvae completion bash > ~/.local/share/bash-completion/completions/textvae
  textvae completion zsh > ~/.zfunc/_textvae      # a folder of $fpath, before compinit is called"""

FOLDERS = frozenset({"run", "runs", "folders", "folder", "figures", "data", "save", "cache", "data.path", "start"})
FILES = frozenset(
    ("files", "file", "inputs", "output", "outputs", "config", "references", "documents")
    + ("corpus", "dictionary", "clean")  # of the uses of a latent space
)


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shell", choices=("bash", "zsh"))
    return parser


def main(argv: list[str], prog: str = "textvae completion") -> int:
    """Exit code 0; UserError where shtab is not installed."""
    from textvae.errors import UserError

    args = make_parser(prog).parse_args(argv)
    try:
        import shtab
    except ImportError as error:
        raise UserError("shtab is not installed: pip install 'textvae[completion]'") from error
    print(shtab.complete(whole_parser(shtab.DIRECTORY, shtab.FILE), args.shell))
    return 0


def whole_parser(folder: Any, file: Any) -> argparse.ArgumentParser:
    """One parser that knows every command; `folder` and `file` are how shtab completes these. Never parses."""
    whole = argparse.ArgumentParser(prog="textvae", description="Latent-variable models of text.")
    whole.add_argument("--version", action="store_true", help="print the version and stop")
    names = whole.add_subparsers(dest="command")
    for name, text in COMMANDS.items():
        copy = names.add_parser(name, help=text, add_help=False)
        for action in parser_of(name)._actions:
            if action.dest in FOLDERS | FILES and action.nargs != 0:
                action.complete = folder if action.dest in FOLDERS else file  # type: ignore[attr-defined]
            copy._add_action(action)
    return whole


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command."""
    if name == "train":
        from textvae.config import make_parser as make_training_parser

        return make_training_parser(prog="textvae train")
    module = command_module(name)
    if hasattr(module, "make_parser"):
        return module.make_parser(f"textvae {name}")
    parser = argparse.ArgumentParser(prog=f"textvae {name}")
    module.add_arguments(parser)
    return parser
