"""Shell commands in Markdown: taken out of their fences, and checked without running them."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ROOT

from textvae.commands import COMMANDS

NOT_RUN = "# not run by the tests: "
"""Begins the comment of a command that is only checked, with the reason."""
ASSIGNMENT = re.compile(r"[A-Z][A-Z_]*=\S*")
ORDINARY = frozenset({".", "cat", "cd", "cp", "done", "echo", "for", "head", "jq", "ls", "mkdir", "printf", "tr"})
"""Commands of every shell."""


@dataclass(frozen=True)
class Block:
    """A fenced shell block; line: of its first command in the page."""

    page: str
    line: int
    text: str

    @property
    def runs(self) -> str:
        """What is to be run: all but the commands that the page says are not."""
        return "\n".join(text for text in logical_lines(self.text) if NOT_RUN not in text)

    @property
    def only_checked(self) -> list[str]:
        """The others."""
        return [text for text in logical_lines(self.text) if NOT_RUN in text]


def shell_blocks(path: Path) -> list[Block]:
    """The ```bash blocks of a page."""
    text = path.read_text(encoding="utf-8")
    found = re.finditer(r"(?ms)^```bash\n(.*?)^```$", text)
    return [Block(path.name, text[: m.start(1)].count("\n") + 1, m[1].rstrip("\n")) for m in found]


def logical_lines(text: str) -> Iterator[str]:
    """Commands: lines joined where they end in a backslash, a here-document with the command that reads it."""
    lines = iter(text.split("\n"))
    for line in lines:
        whole = line
        while whole.endswith("\\"):
            whole += "\n" + next(lines)
        if end := re.search(r"<<\s*'?(\w+)'?", whole):
            for inner in lines:
                whole += "\n" + inner
                if inner == end[1]:
                    break
        if whole.strip():
            yield whole


def simple_commands(text: str) -> list[list[str]]:
    """The words of each command of a pipeline or list, without assignments before it and redirections."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    commands: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if set(word) <= set("|&;"):
            commands.append([])
        elif set(word) <= set("<>"):
            next(words)
        elif commands[-1] or not ASSIGNMENT.fullmatch(word):
            commands[-1].append(word)
    commands = [command[command[0] == "do" :] for command in commands if command]  # a list after a shell's keyword
    return [command for command in commands if command]


def check(text: str) -> None:
    """AssertionError where a command, an option, a value or a file of ours in it does not exist."""
    for words in simple_commands(text.partition("<<")[0].replace("\\\n", " ")):
        try:
            with contextlib.chdir(ROOT):
                check_command(words)
        except SystemExit as stop:
            raise AssertionError(f"{shlex.join(words)}: exit code {stop.code}") from stop


def check_command(words: list[str]) -> None:
    """One command without pipes."""
    program, *rest = words
    if program == "textvae":
        check_textvae(rest)
    elif program in ("python", "accelerate", "torchrun"):
        check_python(program, rest)
    elif program == "make":
        targets = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text())
        assert all(word in targets or "=" in word for word in rest), words
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert rest[0] == "install" and all(e in extras for e in re.findall(r"\[(\w+)\]", " ".join(rest))), words
    elif program in ("git", "pytest", "tensorboard"):
        assert rest, words
    else:
        assert program in ORDINARY, f"{program}: what is it?"


def check_python(program: str, words: list[str]) -> None:
    """`python SCRIPT`, or the same below a launcher, whose own options are checked too."""
    if program == "accelerate":
        from accelerate.commands.launch import launch_command_parser

        assert words.pop(0) == "launch"
        given = launch_command_parser().parse_args(words)
        words = ["-m"] * bool(given.module) + [given.training_script, *given.training_script_args]
    elif program == "torchrun":
        from torch.distributed.run import get_args_parser

        given = get_args_parser().parse_args(words)
        words = ["-m"] * bool(given.module) + [given.training_script, *given.training_script_args]
    if words[:2] == ["-m", "textvae.cli"]:
        check_textvae(words[2:])
    elif words[0] == "train.py":
        parse_training(words[1:])
    else:
        assert (ROOT / words[0]).exists(), words


def check_textvae(words: list[str]) -> None:
    """Its options, by the parser that the command itself uses."""
    name, *rest = words
    if name.startswith("-"):
        assert name in ("--help", "--version")
        return
    assert name in COMMANDS, name
    if "--help" in rest:
        return
    if name == "train":
        parse_training(rest)
        return
    parser = parser_for(name, rest)
    if name == "sweep":
        from textvae.commands.sweep import split_arguments

        rest, others = split_arguments(rest, parser)
        parse_training(others)
    arguments = rest[1:] if name == "data" and rest[0] == "check" else rest
    getattr(parser, "parse_intermixed_args", parser.parse_args)(arguments) if type(
        parser
    ) is argparse.ArgumentParser and name in ("transfer", "summarize") else parser.parse_args(arguments)


def parser_for(name: str, words: list[str]) -> Any:
    """The parser of a command; evaluate and data have several."""
    from textvae.commands import data, evaluate
    from textvae.commands.completion import parser_of

    for row in evaluate.rows() if name == "evaluate" else ():
        parser, full = evaluate.make_parser("textvae evaluate", row), evaluate.expanded(words, row)
        if all(word.partition("=")[0] in parser._option_string_actions for word in full if word.startswith("--")):
            words[:] = full
            return parser
    if name == "data" and words[0] == "check":
        return data.make_check_parser("textvae data check")
    return parser_of(name)


def parse_training(words: list[str]) -> None:
    """Parse as a training would, without a run that it could resume."""
    from textvae.config import parse

    parse([word for word in words if word != "--print_config"], ROOT / "configs/yelp/style_content_vae.yaml")
    assert os.getcwd() == str(ROOT)
