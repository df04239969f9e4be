"""kill -9 at any moment, also while a checkpoint is being written, loses at most the steps since the last one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_a_run_that_is_killed_again_and_again(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.training.killed_run", str(tmp_path), "6", "3"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout.splitlines()[-1])
    deaths = report["deaths"]
    assert [death["status"] for death in deaths] == [-9] * 6, "a child ended before it was killed"
    assert sum(death["half_written"] for death in deaths) >= 2, "no kill hit a checkpoint being written"
    for death in deaths:
        assert death["found"] >= death["saved"] > 0, f"a finished checkpoint was lost: {death}"
        assert death["warnings"] == [], "a half-written checkpoint was listed"
    assert [d["found"] for d in deaths] == sorted(d["found"] for d in deaths)
    assert report["resumed_at"] == deaths[-1]["found"] < report["total"], "there was nothing left to do"
    assert report["steps"] == report["total"] and report["different"] == []
    assert all(name.startswith("step_") for name in report["left"]), report["left"]
