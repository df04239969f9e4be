"""The summarizer from the command line, on generated news whose true summaries are known."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from support import TRAIN_SUMMARIZER, run_python

from textvae import Summarizer
from textvae.cli import main
from textvae.config import load_config


def test_a_run_directory_holds_everything(short_run: Path) -> None:
    assert {p.name for p in short_run.iterdir()} >= {
        "config.yaml",
        "environment.json",
        "data.json",
        "tokenizer",
        "best",
    }
    assert load_config(short_run / "config.yaml").stages[2].name == "back_translation"
    card = (short_run / "best" / "README.md").read_text()
    assert "documents.train.txt" in card and "denoise (12 steps)" in card and "| score |" in card
    lines = [json.loads(line) for line in (short_run / "metrics.jsonl").read_text().splitlines()]
    seen = {name.rpartition("/")[2] for line in lines for name in line if name.startswith("train/")}
    assert seen >= {"J_denoise", "J_language", "J_back", "J_rec", "J_critic", "J_gp", "J_gen", "J_lm", "J_topic"}


def test_a_checkpoint_is_evaluated_by_its_step(
    short_run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate = ["evaluate", str(short_run), "--cache", str(cache), "--words", "8", "--beam", "1"]
    assert main([*evaluate, "--step", "12", "--save", str(tmp_path)]) == 0
    assert "whole document" in capsys.readouterr().out
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["step"] == 12 and found["split"] == "test" and found["decoding"]["words"] == 8
    assert len((tmp_path / "outputs.txt").read_text().splitlines()) == 200
    assert main([*evaluate, "--step", "13"]) == 2
    assert "there are: 6, 12" in capsys.readouterr().err


def test_an_evaluation_is_saved_even_if_nobody_reads_what_it_prints(
    short_run: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `textvae evaluate RUN | head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError), open(writer, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        main(
            ["evaluate", str(short_run), "--cache", str(cache), "--words", "8", "--beam", "1", "--save", str(tmp_path)]
        )
    monkeypatch.undo()
    assert json.loads((tmp_path / "metrics.json").read_text())["rows"]
    assert len((tmp_path / "outputs.txt").read_text().splitlines()) == 200


def test_a_run_starts_from_another(short_run: Path, cache: Path, tmp_path: Path) -> None:
    stages = "--stages=[{name: adversarial, steps: 2}]"
    critic = ("--adversarial.critic.kind", "recurrent", "--adversarial.estimator", "reinforce")
    done = run_python(
        *TRAIN_SUMMARIZER,
        stages,
        *critic,
        "--start",
        str(short_run),
        "--run",
        str(tmp_path / "b"),
        "--cache",
        str(cache),
    )
    assert done.returncode == 0, done.stderr
    assert "starts from step 24" in done.stderr and "generator, reconstructor, language_model" in done.stderr
    wrong = run_python(
        *TRAIN_SUMMARIZER, "--start", str(tmp_path / "nothing"), "--run", str(tmp_path / "c"), "--cache", str(cache)
    )
    assert wrong.returncode == 2 and "holds no tokenizer" in wrong.stderr


def test_gradients_of_both_losses_are_compared_from_the_same_start(
    short_run: Path, cache: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in short_run.rglob("*")}
    script = ("scripts/vanishing_gradients.py", str(short_run), "--cache", str(cache))
    done = run_python(*script, "--json", str(tmp_path / "a.json"), "--steps", "4", "--every", "2", "--rate", "0")
    assert done.returncode == 0 and "| 4 | " in done.stdout, done.stderr
    tables = json.loads((tmp_path / "a.json").read_text())["tables"]
    assert set(tables) == {"saturating", "wasserstein"}
    for rows in tables.values():
        assert [row["step"] for row in rows] == [2, 4]
        assert all(row["gradient"] > 0 and 0 <= row["accuracy"] <= 100 for row in rows)
    assert tables["saturating"][1]["gradient"] != tables["wasserstein"][1]["gradient"]
    assert {path: path.stat().st_mtime_ns for path in short_run.rglob("*")} == before, "the run is left as it was"


@pytest.mark.slow
def test_toy_news_reach_the_true_summaries(tmp_path: Path, cache: Path) -> None:
    """results/news/README.md says what each seed reached."""
    run = tmp_path / "news"
    done = run_python(*TRAIN_SUMMARIZER, "--run", str(run), "--cache", str(cache), timeout=900)
    assert done.returncode == 0, done.stderr
    assert main(["evaluate", str(run), "--cache", str(cache)]) == 0
    rows = {
        row["system"]: row["measures"] for row in json.loads((run / "evaluation" / "metrics.json").read_text())["rows"]
    }
    ours, *_ = rows.values()
    leads = [measures["rouge_l"]["value"] for name, measures in rows.items() if name.startswith("lead-")]
    assert ours["rouge_l"]["value"] > max(leads) + 15
    pairs = [json.loads(line) for line in Path("data/sample-news/test.jsonl").read_text().splitlines()]
    outputs = Summarizer.from_pretrained(run)([pair["document"] for pair in pairs])
    assert sum(o == pair["summary"] for o, pair in zip(outputs, pairs, strict=True)) >= 0.9 * len(pairs)
