"""Run directories, whole, half-written and broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from report.fabricated import style_config, style_lines, write_checkpoint, write_run

from textvae.errors import UserError
from textvae.extras.report.records import read_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", style_config(), style_lines(100))


def test_a_whole_run_has_no_problems(run: Path) -> None:
    write_checkpoint(run, 110, seconds=60.0)
    record = read_run(run)
    assert record.problems == () and record.task == "style_transfer" and record.name == "run"
    assert record.steps == 110 and record.best() == (0.3, 100)


def test_the_line_that_is_being_written_is_left_out_without_a_word(run: Path) -> None:
    with open(run / "metrics.jsonl", "a") as handle:
        handle.write('{"step": 110, "time": 1.0, "train/vae/J_r')
    record = read_run(run)
    assert record.steps == 100 and record.problems == ()


def test_lines_that_are_no_metrics_are_counted(run: Path) -> None:
    with open(run / "metrics.jsonl", "ab") as handle:
        handle.write(b'[1]\n{"time": 3}\n{"step": true}\n\xff\xfe\n{"step": 120, "dev/score": NaN}\n')
    record = read_run(run)
    assert record.problems == ("metrics.jsonl: 4 lines cannot be read",)
    assert record.steps == 120 and record.best() == (0.3, 100)


@pytest.mark.parametrize(
    "name, content, problem",
    [
        ("config.yaml", "a: [", "config.yaml cannot be read"),
        ("config.yaml", "- a\n- b\n", "config.yaml holds no mapping"),
        ("environment.json", "{", "environment.json cannot be read"),
        ("environment.json", "[" * 100_000, "environment.json cannot be read"),
        ("data.json", None, "data.json is missing"),
        ("evaluation/metrics.json", "3", "metrics.json holds no mapping"),
    ],
)
def test_what_is_broken_is_named(run: Path, name: str, content: str | None, problem: str) -> None:
    path = run / name
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert any(found.startswith(problem) for found in read_run(run).problems)


def test_a_checkpoint_that_is_not_whole_is_named(run: Path) -> None:
    folder = write_checkpoint(run, 100)
    (folder / "model.safetensors").write_bytes(b"x")
    assert read_run(run).problems == ("step_00000100: model.safetensors is not whole",)
    (folder / "manifest.json").unlink()
    assert read_run(run).problems == ("step_00000100: manifest.json is missing",)


def test_a_model_without_weights_is_named(run: Path) -> None:
    (run / "best").mkdir()
    assert read_run(run).problems == ("best/ has no weights",)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        read_run(tmp_path / "nothing")
    with pytest.raises(UserError, match="holds no run"):
        read_run(tmp_path)
