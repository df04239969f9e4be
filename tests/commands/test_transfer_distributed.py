"""`textvae transfer` on two real processes: the output is that of one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from random_run import SENTENCES

from textvae.commands.distributed import part_file
from textvae.commands.transfer import main

from .conftest import first_of_two, torchrun


def texts(row: dict[str, Any]) -> list[str]:
    """Input and candidates of a line of JSON."""
    return [row["input"], *(c["text"] for c in row["candidates"])]


@pytest.mark.slow
def test_two_processes_give_the_output_of_one(run: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("\n".join(SENTENCES[::9] + ["", "Good! And bad."]))  # no line feed at the end
    second.write_text("\n".join(SENTENCES[::5]) + "\n\n")
    out = tmp_path / "out"
    # samples, so that line numbers must agree too
    options = [run, "--to", "positive", "--precision", "fp32", "--json", "--sample", "--num-candidates", 2]
    result = torchrun(tmp_path, "transfer", *options, first, second, "--output", out / "two.jsonl")
    assert result.returncode == 0, result.stderr
    assert main([str(o) for o in (*options, first, second, "--output", out / "one.jsonl")]) == 0
    two, one = (
        [json.loads(line) for line in (out / f"{name}.jsonl").read_text().splitlines()] for name in ("two", "one")
    )
    assert [texts(row) for row in two] == [texts(row) for row in one]
    scores = [[c["log_prob"] for row in rows for c in row["candidates"]] for rows in (two, one)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)  # the batches differ, and so does the last bit
    assert sorted(os.listdir(out)) == ["one.jsonl", "two.jsonl"], "parts were left"
    shares = [int((tmp_path / f"rank{rank}of2").read_text()) for rank in range(2)]
    assert sum(shares) == first.stat().st_size + second.stat().st_size and min(shares) > 0.4 * sum(shares)


@pytest.mark.slow
def test_what_is_wrong_in_one_share_stops_all_before_the_work(run: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"good food .\n" * 50 + b"caf\xe9\n" + b"good food .\n" * 9)
    out = tmp_path / "out"
    out.mkdir()
    (out / "kept").write_text("before")
    result = torchrun(tmp_path, "transfer", run, "--to", "positive", bad, "--output", out / "kept")
    assert result.returncode != 0
    assert result.stderr.count(f"textvae transfer: {bad}, line 51: not UTF-8") == 1, result.stderr
    assert os.listdir(out) == ["kept"] and (out / "kept").read_text() == "before"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "x"], "standard input"),
        ([__file__], "--output"),
        (["/dev/null", "--output", "x"], "regular"),
    ],
)
def test_what_several_processes_need(
    run: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first_of_two(monkeypatch)
    assert main([str(run), "--to", "positive", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_launch_that_runs_fewer_processes_is_told(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from textvae.commands import distributed

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "PartialState", lambda **_: type("S", (), {"num_processes": 1})())
    assert main([str(run), "--to", "positive", __file__, "--output", str(tmp_path / "x")]) == 2
    assert "2 processes were asked for" in capsys.readouterr().err


def test_part_files_are_hidden_and_differ(tmp_path: Path) -> None:
    names = {part_file(tmp_path / "out.txt", rank, world).name for rank, world in ((0, 2), (1, 2), (0, 3))}
    assert len(names) == 3 and all(name.startswith(".out.txt.part-") for name in names)
