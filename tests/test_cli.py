"""The top of the command line."""

from __future__ import annotations

import argparse
import re

import grimp
import pytest
from support import ROOT, run_python

from textvae.cli import COMMANDS, main
from textvae.config import TASKS


def test_help_lists_every_command_without_importing_torch() -> None:
    done = run_python("-X", "importtime", "-m", "textvae.cli", "--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert not re.search(r"\|\s+(torch|transformers|datasets)$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and len(capsys.readouterr().out) > 200


def test_version_and_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0 and capsys.readouterr().out.strip() == "0.1.0"
    with pytest.raises(SystemExit) as stop:
        main(["nonsense"])
    assert stop.value.code == 2


def every_option() -> set[str]:
    """Options of all our commands, from their parsers."""
    from textvae.commands import (
        arithmetic,
        compare,
        compress,
        decompress,
        detect,
        encode,
        evaluate,
        export,
        fit_prior,
        fit_scorers,
        generate,
        interpolate,
        nearest,
        parse,
        report,
        runs,
        summarize,
        sweep,
        transfer,
    )
    from textvae.config import TASKS, make_parser

    parsers = [make_parser(task=task) for task in TASKS]
    modules = (
        compare,
        evaluate,
        export,
        fit_prior,
        fit_scorers,
        report,
        runs,
        sweep,
    )
    parsers += [module.make_parser("x") for module in modules]
    parsers += [evaluate.make_parser("x", row) for row in evaluate.rows()]
    parsers += detect.make_parser("x")._subparsers._group_actions[0].choices.values()
    uses = (arithmetic, compress, decompress, encode, generate, interpolate, nearest)
    for module in (parse, summarize, transfer, *uses):
        parsers.append(argparse.ArgumentParser())
        module.add_arguments(parsers[-1])
    return {option for parser in parsers for action in parser._actions for option in action.option_strings}


LAUNCHERS = {"--cpu", "--multi_gpu", "--nproc_per_node", "--num_cpu_threads_per_process", "--num_processes"}
"""Options of accelerate and torchrun that the README names."""


def test_readme_names_commands_options_and_files_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text and "make test" in text and "accelerate launch train.py" in text
    for path in re.findall(r"configs/[\w/]+\.yaml", text):
        assert (ROOT / path).exists(), path
    known = every_option() | LAUNCHERS
    for option in set(re.findall(r"(?<![\w-])--[a-z][\w.-]+", text)):
        assert option in known, option
    commands = re.findall(r"(?m)^(?:echo .* \| )?textvae ([\w-]+) ", text)
    assert len(commands) >= 4 and set(commands) <= set(COMMANDS)


def test_readme_python_runs(trained_run: object) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0].replace("runs/demo", str(trained_run))
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert "('negative', 'positive')" in done.stdout


COUNT = """
import sys
{code}
print(*sorted(name for name in sys.modules if name.partition(".")[0] == "textvae"), file=sys.stderr)
"""


def imported(code: str) -> list[str]:
    """Modules of ours that a program has loaded when it ends."""
    done = run_python("-c", COUNT.format(code=code))
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().split("\n")[-1].split()


@pytest.mark.parametrize("task", TASKS)
def test_a_configuration_is_read_without_the_networks(task: str) -> None:
    path = ROOT / "tests" / "contract" / "written" / "runs" / task / "config.yaml"
    loaded = imported(
        f"from pathlib import Path; from textvae.config import load_config; load_config(Path({str(path)!r}))"
    )
    assert len(loaded) <= 30, loaded


def test_a_sentence_is_transferred_by_few_modules() -> None:
    loaded = imported("from textvae.cli import main; main(['transfer', '--to', 'positive', 'the food was bland'])")
    assert "textvae.inference.style_transfer" in loaded and len(loaded) <= 60, loaded


def test_imports_have_no_circle() -> None:
    """Not even by imports inside functions; what is named as a string (`textvae.registry`) counts for none."""
    graph = grimp.build_graph("textvae")
    waiting = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}
    while free := [name for name, imported in waiting.items() if not imported & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert not waiting
