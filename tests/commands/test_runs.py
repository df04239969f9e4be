"""`textvae runs` and `textvae compare`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from report.fabricated import (
    NASTY,
    style_config,
    style_evaluation,
    style_lines,
    summary_config,
    summary_lines,
    write_checkpoint,
    write_run,
)
from support import Terminal, wait_until

from textvae.cli import main
from textvae.commands.runs import SORTED
from textvae.extras.report.comparison import compare, flatten
from textvae.extras.report.listing import SORTS, recipe_name
from textvae.extras.report.records import read_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    good = write_run(folder / "good", style_config(), style_lines(100), style_evaluation("good"))
    write_checkpoint(good, 100, seconds=120.0)
    changed = style_config(seed=4, epochs=1)
    changed["model"]["style"]["size"] = 9
    other = write_run(folder / "deep" / "other", changed, style_lines(50, best=0.4), style_evaluation("other", 80.0))
    (other / "data.json").write_text('{"fingerprint": "eeee", "train": 500}')
    write_run(folder / "news", summary_config(), summary_lines(100))
    broken = write_run(folder / "broken", style_config(), [])
    (broken / "config.yaml").write_text("a: [")
    (folder / "empty").mkdir()
    return folder


def listed(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    assert main(["runs", "--json", *map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [Path(row["path"]).name for row in rows]


def test_every_run_is_listed_and_broken_ones_say_why(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {Path(row["path"]).name: row for row in listed(capsys, runs)}
    assert set(rows) == {"good", "other", "news", "broken"}
    good = rows["good"]
    assert good["recipe"] == "paper_vae, training.epochs 2" and good["data"] == "reviews" and good["seed"] == 3
    assert good["state"] == {"name": "finished", "step": 100, "total": 100, "early": False}
    assert (good["best_score"], good["best_step"]) == (0.3, 100) and good["problems"] == []
    assert good["bytes"] == sum(p.stat().st_size for p in (runs / "good").rglob("*") if p.is_file())
    assert rows["news"]["task"] == "summarization" and rows["news"]["data"] == "news"
    assert rows["broken"]["problems"] == ["config.yaml cannot be read (ParserError)"] and not rows["broken"]["task"]


def test_the_table_holds_the_same(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and "\x1b" not in "".join(lines)
    line = next(line for line in lines if "good" in line)
    assert "finished at 100" in line and "0.300" in line and "transfer" in line
    assert "config.yaml cannot be read" in next(line for line in lines if "broken" in line)


def test_sorts(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(SORTED) == set(SORTS)
    scores = [row["best_score"] for row in listed(capsys, runs, "--sort", "score")]
    assert scores == [0.6, 0.4, 0.3, None]
    assert names(listed(capsys, runs, "--sort", "score", "--reverse")) == ["broken", "good", "other", "news"]
    assert names(listed(capsys, runs)) == ["broken", "other", "good", "news"]


def test_a_run_given_twice_is_listed_once(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert names(listed(capsys, runs / "good", runs / "deep", runs / "good")) == ["other", "good"]


def test_missing_and_empty_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(tmp_path / "nowhere")]) == 2 and "no such folder" in capsys.readouterr().err
    assert main(["runs", str(tmp_path)]) == 0 and "textvae train" in capsys.readouterr().err


@pytest.mark.parametrize("variable, coloured", [("LANG", True), ("NO_COLOR", False)])
def test_colour_only_on_a_terminal_that_wants_it(
    runs: Path, variable: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    command = [sys.executable, "-m", "textvae.cli", "compare", str(runs / "good"), str(runs / "deep" / "other")]
    terminal = Terminal(*command, TERM="xterm-256color", **{variable: "C.UTF-8"})
    assert terminal.process.wait(60) == 0
    wait_until(lambda: b"probe_z_c" in terminal.shown, 10, "the table")
    assert (re.search(rb"\x1b\[[\d;]*3[0-7]m", terminal.shown) is not None) == coloured


@pytest.mark.parametrize(
    "command, expected",
    [
        ("train.py --run x --training.seed 3 --data.path d", "default"),
        ("train.py --config=configs/a.yaml --config b.yaml --resume", "a, b"),
        ("textvae train --stages=[{name: denoise, steps: 12}, {steps: 4}] --cache c", None),
        ("-c", None),
        (None, None),
    ],
)
def test_recipes(command: str | None, expected: str | None) -> None:
    if command and "stages" in command:
        expected = "default, stages [{name: denoise, steps: 12}, {steps: 4}]"
    assert recipe_name(command) == expected


def test_comparison_shows_what_differs_and_warns(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = [str(runs / "good"), str(runs / "deep" / "other")]
    assert main(["compare", *pair, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == ["good", "other"]
    changed = {"model.style.size": [4, 9], "training.seed": [3, 4], "training.epochs": [2, 1]}
    assert found["config"] == changed
    assert found["facts"]["data"] == ["f" * 12, "eeee"] and "different data" in found["warnings"][0]
    measures = found["metrics"]["evaluation/accuracy_cnn"]
    assert measures[0] == {"value": 90.0, "low": 89.0, "high": 91.0} and measures[1]["value"] == 80.0
    assert [m["value"] for m in found["metrics"]["dev/score"]] == [0.3, 0.4]
    assert [m["value"] for m in found["metrics"]["minutes"]] == [2.0, None]
    assert main(["compare", *pair]) == 0
    shown = capsys.readouterr()
    assert "90 [89, 91]" in shown.out and "different data" in shown.err and "tokenizer" not in shown.out


def test_runs_of_two_tasks_and_broken_ones_can_be_compared(runs: Path) -> None:
    found = compare([read_run(runs / name) for name in ("good", "news", "broken")])
    assert "the runs are of different tasks" in found.warnings
    assert any(text.startswith("broken: config.yaml") for text in found.warnings)
    assert found.config["stages.0.steps"] == (None, 60, None)
    json.dumps(found.to_dict(), allow_nan=False)


def test_equal_names_are_told_apart(runs: Path, tmp_path: Path) -> None:
    twin = write_run(tmp_path / "elsewhere" / "good", style_config(), [])
    records = [read_run(runs / "good"), read_run(twin), read_run(twin)]
    assert compare(records).runs == ("runs/good", "elsewhere/good (2)", "elsewhere/good (3)")


def test_one_run_is_not_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs / "good")]) == 2 and "two runs" in capsys.readouterr().err


def test_flatten_keeps_plain_lists_whole() -> None:
    assert flatten({"a": {"b": [1, 2]}, "c": [{"d": 1}, {"d": 2}]}) == {"a.b": [1, 2], "c.0.d": 1, "c.1.d": 2}


def test_control_characters_reach_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "a\x1b[2Jb", {**style_config(), "data": {"path": f"x/\x1b]0;{NASTY[:5]}"}}, [])
    assert main(["runs", str(run)]) == 0 and main(["compare", str(run), str(run)]) == 0
    assert "\x1b" not in capsys.readouterr().out
