"""metrics.jsonl: one object a line, torn lines and lines of a lost future are dropped on resuming."""

from __future__ import annotations

import json
from pathlib import Path

from accelerate import Accelerator
from accelerate.state import AcceleratorState

from textvae.training.tracking import JsonlTracker, truncate_after


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_lines_are_appended_through_accelerate(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 3.0}\n')
    AcceleratorState._reset_state(True)
    accelerator = Accelerator(cpu=True, log_with=JsonlTracker(path))
    accelerator.init_trackers("run", {"nested": {"config": 1}})
    accelerator.log({"train/vae/J_rec": 0.1 + 0.2}, step=2)
    accelerator.log({"dev/score": 0.5}, step=2)
    accelerator.end_training()
    found = lines(path)
    assert [line["step"] for line in found] == [1, 2, 2]
    assert found[1]["train/vae/J_rec"] == 0.1 + 0.2 and found[2]["dev/score"] == 0.5
    assert found[1]["time"] > 1.7e9


def test_a_resumed_run_drops_what_it_will_write_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"step": s, "x": s / 3}) + "\n" for s in (1, 2, 3, 4, 3)))
    truncate_after(path, 3)
    assert [line["step"] for line in lines(path)] == [1, 2, 3, 3]
    assert lines(path)[1]["x"] == 2 / 3


def test_torn_and_foreign_lines_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\nnonsense\n[1]\n{"no": 1}\n{"step": null}\n{"step": 2, "lo')
    truncate_after(path, 9)
    assert lines(path) == [{"step": 1}]


def test_without_a_file_there_is_nothing_to_do(tmp_path: Path) -> None:
    truncate_after(tmp_path / "metrics.jsonl", 3)
    assert list(tmp_path.iterdir()) == []
