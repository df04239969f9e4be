"""A run directory with random weights, and the command called in this process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "inference"))
from random_run import make_run  # noqa: E402

from textvae.commands.transfer import main  # noqa: E402

Result = tuple[int, bytes, str]


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


@pytest.fixture
def call(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Result]:
    """`call(*arguments, stdin=b"")` to exit code, output and messages; the run and precision are given."""

    def run_command(*arguments: object, stdin: bytes = b"", terminal: bool = False) -> Result:
        monkeypatch.setattr(sys, "stdin", FakeStdin(stdin, terminal))
        code = main([str(run), "--precision", "fp32", *map(str, arguments)])
        captured = capsysbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return run_command
