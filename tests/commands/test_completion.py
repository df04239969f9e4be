"""`textvae completion`: a shell that has read the script completes what the parsers know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from textvae.cli import main
from textvae.commands import COMMANDS
from textvae.commands.completion import FILES, FOLDERS, parser_of, whole_parser

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
_shtab_textvae
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shtab = pytest.importorskip("shtab")
    path = tmp_path_factory.mktemp("completion") / "textvae.bash"
    path.write_text(shtab.complete(whole_parser(shtab.DIRECTORY, shtab.FILE), "bash"))
    return path


@pytest.mark.parametrize(
    "words, expected",
    [
        (["co"], {"compare", "completion", "compress"}),
        (["runs", "--so"], {"--sort"}),
        (["runs", "--sort", ""], {"name", "task", "score", "step", "age", "size"}),
        (["report", "--fi"], {"--figures"}),
        (["data", ""], {"download", "check", "sample"}),
        (["train", "--training.ep"], {"--training.epochs"}),
        (["transfer", "--num"], {"--num-candidates"}),
    ],
)
def test_bash_completes(script: Path, words: list[str], expected: set[str]) -> None:
    done = subprocess.run(
        ["bash", "-c", ASK, "ask", str(script), "textvae", *words], capture_output=True, text=True, timeout=60
    )
    assert set(done.stdout.split()) == expected, done.stderr


def test_every_command_and_option_is_known() -> None:
    whole = whole_parser("folders", "files")
    (names,) = (action.choices for action in whole._actions if action.dest == "command")
    assert names is not None and set(names) == set(COMMANDS)
    for name, copy in names.items():
        options = {option for action in parser_of(name)._actions for option in action.option_strings}
        assert options and options <= set(copy._option_string_actions)
    run = next(action for action in names["export"]._actions if action.dest == "run")
    inputs = next(action for action in names["transfer"]._actions if action.dest == "inputs")
    assert run.complete == "folders" and inputs.complete == "files" and not FOLDERS & FILES


def test_both_shells_are_written(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0 and capsys.readouterr().out.strip() == script.read_text().strip()
    assert main(["completion", "zsh"]) == 0 and capsys.readouterr().out.startswith("#compdef textvae")


def test_without_shtab_people_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2 and "textvae[completion]" in capsys.readouterr().err
