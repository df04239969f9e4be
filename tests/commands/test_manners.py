"""What all commands have in common: examples, --quiet and --verbose, exit codes, colour, and what to do next."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from documentation.shell import check
from support import Terminal, run_python, wait_until

from textvae.cli import main
from textvae.commands import COMMANDS
from textvae.volume import QUIET, USUAL, VERBOSE, Volume

SAYS_NOTHING = {"completion"}
"""Commands whose only words are their result."""


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def examples(text: str) -> list[str]:
    """The indented commands after the word."""
    lines = text.partition("\nexamples:\n")[2].replace("\\\n", "").split("\n\n")[0].split("\n")
    return [line.strip() for line in lines if line.strip()]


@pytest.mark.parametrize("command", [*COMMANDS, "data check"])
def test_help_has_examples_that_exist_and_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(command, capsys)
    found = examples(text)
    assert any(f"textvae {command.split()[0]} " in line for line in found), text[-500:]
    for line in found:
        check(line.replace("[...]", ""))
    assert "exit codes:" in text and re.search(r"\b2 +\S", text)


@pytest.mark.parametrize(
    "command", sorted({*COMMANDS, "data check", "detect fit", "detect score"} - SAYS_NOTHING - {"data", "detect"})
)
def test_every_command_can_be_quiet_and_verbose(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(command, capsys)
    assert "--quiet" in text and "--verbose" in text


def test_the_top_tells_exit_codes_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(code in text for code in ("  0 ", "  1 ", "  2 ", "  3 ", "130/143"))
    for line in examples(text):
        check(line)


def test_a_mistyped_command_is_told_what_it_is_near_to(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["tranfer", "runs/x"])
    found = capsys.readouterr().err
    assert stop.value.code == 2 and "did you mean transfer?" in found and found.count("\n") == 1
    with pytest.raises(SystemExit):
        main(["qqq"])
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate", "transfer", "runs"])
def test_a_mistyped_option_does_not_fill_the_screen(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--nonsense"])
    found = capsys.readouterr().err
    assert stop.value.code == 2 and f"`textvae {command} --help`" in found and found.count("\n") < 25


def test_quiet_silences_notes_and_warnings_but_no_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(tmp_path)]) == 0 and "no run there" in capsys.readouterr().err
    assert main(["runs", str(tmp_path), "--quiet"]) == 0 and capsys.readouterr().err == ""
    assert Volume.level == QUIET
    assert main(["runs", str(tmp_path / "nowhere"), "-q"]) == 2 and "nowhere" in capsys.readouterr().err
    assert main(["runs", str(tmp_path)]) == 0 and Volume.level == USUAL, "the next command is as loud as ever"


def test_verbose_shows_where_an_error_arose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(tmp_path / "nowhere")]) == 2 and "Traceback" not in capsys.readouterr().err
    assert main(["runs", str(tmp_path / "nowhere"), "--verbose"]) == 2 and Volume.level == VERBOSE
    assert "Traceback" in capsys.readouterr().err
    assert main(["runs", "--quiet", "--verbose"]) == 2 and "exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize(("variable", "coloured"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_no_color_is_heard_on_a_terminal(tmp_path: Path, variable: dict[str, str], coloured: bool) -> None:
    script = "from textvae.cli import main; main(['runs', '.'])"
    terminal = Terminal(sys.executable, "-c", script, cwd=tmp_path, TERM="xterm-256color", **variable)
    assert terminal.process.wait(60) == 0
    wait_until(lambda: b"makes one" in terminal.shown, 10, "the warning")
    assert (b"\x1b[33m" in terminal.shown) == coloured


def test_nothing_is_coloured_in_a_pipe(tmp_path: Path) -> None:
    done = run_python("-m", "textvae.cli", "runs", str(tmp_path), TERM="xterm-256color")
    assert done.returncode == 0 and "no run there" in done.stderr and "\x1b" not in done.stdout + done.stderr
