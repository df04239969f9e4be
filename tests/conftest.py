"""Shared fixtures: a tiny run of each task on the bundled samples, trained through the command line."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support import SHORT_SUMMARIZER, TRAIN_SUMMARIZER, run_python


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_counts() -> None:
    """A shell that starts the tests in the background has SIGINT ignored; the tests of Ctrl-C need it heard."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data of this test session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run: 60 steps on the bundled sample."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    done = run_python("train.py", "--config", "configs/toy/test.yaml", "--run", str(run), "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="session")
def short_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished summarizer: all four stages on the bundled news, a few steps each."""
    run = tmp_path_factory.mktemp("runs") / "short"
    done = run_python(*TRAIN_SUMMARIZER, *SHORT_SUMMARIZER, "--run", str(run), "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    return run
