"""Ctrl-C on a terminal where `accelerate launch` runs: the launcher ends at once, the training after a checkpoint."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from support import ROOT, Terminal, run_python, running, wait_until

import textvae.config
from textvae.commands.train import main

LAUNCH = "accelerate.commands.accelerate_cli launch --num_processes 1 --num_cpu_threads_per_process 1 --cpu"
ENDLESS = "--training.epochs 1000000 --training.max_steps 1000000 --training.checkpoint_every 1000000"
QUIET = "--training.evaluate_every 1000000 --training.log_every 1 --style_words.min_z=.inf --tokenizer.min_frequency 1"


@pytest.fixture
def few_sentences(tmp_path: Path) -> Path:
    """A corner of the sample: it is prepared in no time."""
    for source in (ROOT / "data" / "sample").glob("reviews.*"):
        lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / "data" / source.name).parent.mkdir(exist_ok=True)
        (tmp_path / "data" / source.name).write_text("".join(lines[:40]), encoding="utf-8")
    return tmp_path / "data"


def reported(run: Path) -> int:
    """The newest step in metrics.jsonl, 0 before there is one."""
    lines = (run / "metrics.jsonl").read_text().splitlines() if (run / "metrics.jsonl").exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


@pytest.mark.slow
def test_ctrl_c_loses_nothing_and_resume_goes_on(tmp_path: Path, few_sentences: Path) -> None:
    run, cache = tmp_path / "run", tmp_path / "cache"
    given = ["--config", "configs/toy/test.yaml", "--data.path", str(few_sentences), "--cache", str(cache)]
    given += ["--run", str(run), *QUIET.split()]
    terminal = Terminal(sys.executable, "-m", *LAUNCH.split(), "train.py", *given, *ENDLESS.split())
    try:
        wait_until(lambda: reported(run) >= 2 or terminal.process.poll() is not None, 120, "two steps")
        assert terminal.process.poll() is None, terminal.shown.decode()
        terminal.type(b"\x03")
        wait_until(lambda: not running(str(run)), 60, "the end of launcher and training")
    finally:
        for pid in running(str(run)):
            os.kill(pid, signal.SIGKILL)
    shown = terminal.shown.decode()
    assert terminal.process.wait() != 0
    ours = [f'File "{ROOT / name}' for name in ("train.py", "textvae")]
    assert not [name for name in ours if name in shown], shown  # the launcher shows a traceback of its own
    checkpoints = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert checkpoints[-1] == f"step_{reported(run):08d}", shown

    last = reported(run) + 3
    done = run_python("train.py", "--run", str(run), "--resume", "--training.max_steps", str(last))
    assert done.returncode == 0, done.stderr
    assert f"resumed at step {last - 3}" in done.stderr and f"finished at step {last}" in done.stderr
    assert reported(run) == last


def test_ctrl_c_before_the_first_step(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(textvae.config, "parse", interrupted)
    assert main([], prog="train.py") == 130
    assert capsys.readouterr().err.startswith("train.py: interrupted; --resume")
