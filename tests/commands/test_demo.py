"""`textvae demo` from the outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from support import CPU, ROOT

from textvae.cli import main
from textvae.extras.demo.server import bind


def test_a_missing_run_and_a_taken_port_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gradio")
    assert main(["demo", str(tmp_path / "none"), "--port", "0"]) == 2
    assert "none is not a folder" in capsys.readouterr().err
    with bind("127.0.0.1", 0) as taken:
        assert main(["demo", "news", "--port", str(taken.getsockname()[1])]) == 2
    assert "choose another --port" in capsys.readouterr().err
    assert main(["demo", "news", "--rate", "0"]) == 2 and "--rate" in capsys.readouterr().err


def test_without_gradio_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "textvae.extras.demo.library", raising=False)
    assert main(["demo", "news", "--port", "0"]) == 2
    assert "pip install 'textvae[demo]'" in capsys.readouterr().err


def test_the_shipped_model_is_served_until_ctrl_c() -> None:
    pytest.importorskip("gradio")
    command = [sys.executable, "-m", "textvae.cli", "demo", "news", "--port", "0"]
    environment = {**os.environ, **CPU, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert answer.status == 200
            stopped = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert time.monotonic() - stopped < 60
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()
