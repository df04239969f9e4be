"""Run directories with random weights, and the commands called in this process or on two of their own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "inference"))
from random_run import make_run  # noqa: E402

from textvae.commands import transfer  # noqa: E402

Result = tuple[int, bytes, str]
Call = Callable[..., Result]

DRIVER = """
import importlib, sys
from pathlib import Path
from textvae.commands import distributed

def recorded(paths, rank, world, share=distributed.share):
    spans = share(paths, rank, world)
    Path(sys.argv[1], f"rank{rank}of{world}").write_text(str(sum(s.stop - s.start for s in spans)))
    return spans

distributed.share = recorded
sys.exit(importlib.import_module(f"textvae.commands.{sys.argv[2]}").main(sys.argv[3:]))
"""


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_run(tmp_path_factory.mktemp("transfer") / "run")


class FakeStdin(io.TextIOWrapper):
    """Standard input with given bytes."""

    def __init__(self, data: bytes, terminal: bool = False):
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def caller(
    main: Callable[[list[str]], int],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Call:
    """`call(*arguments, stdin=b"")` to exit code, output and messages; the run and precision are given."""

    def run_command(*arguments: object, stdin: bytes = b"", terminal: bool = False) -> Result:
        monkeypatch.setattr(sys, "stdin", FakeStdin(stdin, terminal))
        code = main([str(run), "--precision", "fp32", *map(str, arguments)])
        captured = capsysbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return run_command


@pytest.fixture
def call(run: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Call:
    """`textvae transfer`."""
    return caller(transfer.main, run, monkeypatch, capsysbinary)


def converse(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str | type[BaseException]],
    head: str,
    *arguments: object,
) -> tuple[int, list[str], list[str], list[str]]:
    """Type lines (or press Ctrl-C) at the prompt: exit code, prompts, answers after `head` and errors."""
    prompts: list[str] = []
    queue = [*lines, EOFError]

    def typed(text: str) -> str:
        prompts.append(text)
        line = queue.pop(0)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", typed)
    code, out, err = call(*arguments, terminal=True)
    assert out.decode().startswith(head)
    return code, prompts, out.decode().removeprefix(head).strip().split("\n"), err.splitlines()


def torchrun(folder: Path, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command on two CPU processes that note their rank and share in `folder`."""
    driver = folder / "driver.py"
    driver.write_text(DRIVER)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    root = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
    }
    return subprocess.run(
        [*launcher, str(driver), str(folder), command, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


def first_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands believe that they are the first of two processes."""
    from textvae.commands import distributed

    class State:
        num_processes, process_index, is_main_process, device = 2, 0, True, "cpu"

        def destroy_process_group(self) -> None:
            pass

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "PartialState", lambda **_: State())
