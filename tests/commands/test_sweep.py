"""`textvae sweep` on real runs of the bundled sample."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import CPU, ROOT, wait_until

from textvae.cli import main
from textvae.commands.sweep_training import state
from textvae.extras.sweeps.scoring import Scorer

pytestmark = pytest.mark.slow

FEW = ("--evaluation.resamples", "20", "--evaluation.max_train_sentences", "3000")
TOY = str(ROOT / "configs" / "toy" / "test.yaml")
LATENTS, TREES = (str(ROOT / "configs" / "toy" / f"{name}.yaml") for name in ("sentence_vae", "trees"))


def sweep(*arguments: object) -> int:
    return main(["sweep", *map(str, arguments), *FEW, "--quiet"])


def points_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {point["name"]: point for point in json.loads((folder / "sweep.json").read_text())["points"]}


def times(folder: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.rglob("metrics.json")}


@pytest.fixture(scope="module")
def swept(trained_run: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    grid = ("--grid", "strength=1,2", "--grid", "beam=1,3")
    assert sweep(trained_run, *grid, "--save", folder, "--cache", cache) == 0
    return folder


def test_a_point_is_scored_as_evaluate_scores_it(swept: Path, trained_run: Path, cache: Path, tmp_path: Path) -> None:
    options = ["--split", "dev", "--strength", "2", "--beam", "3", "--name", "beam=3_strength=2"]
    assert main(["evaluate", str(trained_run), *options, "--save", str(tmp_path), "--cache", str(cache), *FEW]) == 0
    ours = swept / "points" / "beam=3_strength=2"
    here, there = (json.loads((folder / "metrics.json").read_text()) for folder in (ours, tmp_path))
    assert here["rows"] == there["rows"] and here["settings"] == there["settings"]
    for name in ("outputs.0", "outputs.1"):
        assert (ours / name).read_text() == (tmp_path / name).read_text()
    point = points_of(swept)["beam=3_strength=2"]
    assert point["measures"] == next(row["measures"] for row in there["rows"] if row["direction"] == "all")
    assert point["speed"]["sentences_per_second"] > 0 and point["decoding"] == {"strength": 2.0, "beam": 3}


def test_everything_is_written(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads((swept / "sweep.json").read_text())
    assert found["axes"] == {"strength": [1.0, 2.0], "beam": [1, 3]} and set(found["baselines"]) == {"input copied"}
    assert len(found["points"]) == 4 and any(point["on_frontier"] for point in found["points"])
    assert "beam 3, strength 2" in (swept / "table.md").read_text()
    assert (swept / "frontier.png").exists() and "by strength" in (swept / "frontier.svg").read_text()
    assert "CBD" not in (swept / "frontier.svg").read_text(), "nothing is published of the bundled sample"


def test_what_is_scored_is_not_scored_again_and_earlier_grids_stay(
    swept: Path, trained_run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(swept, tmp_path / "sweep"))
    before = times(folder)
    common = (trained_run, "--save", folder, "--cache", cache)
    assert sweep(*common, "--grid", "beam=1", "--grid", "strength=2,1.5", "--dry-run") == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]] == ["scored", "do"]
    assert sweep(*common, "--grid", "beam=1", "--grid", "strength=2,1.5") == 0
    assert times(folder) == before | {"beam=1_strength=1.5": times(folder)["beam=1_strength=1.5"]}
    names = list(points_of(folder))
    assert names[:2] == ["beam=1_strength=2", "beam=1_strength=1.5"] and set(names[2:]) == set(before) - {names[0]}
    assert sweep(*common, "--grid", "beam=1", "--grid", "strength=2", "--evaluation.seed", "5") == 0
    assert list(points_of(folder)) == ["beam=1_strength=2"], "other judges: their numbers are not mixed"
    assert times(folder)["beam=1_strength=2"] > before["beam=1_strength=2"]


def test_ctrl_c_loses_the_point_at_hand_alone(
    trained_run: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual, seen = Scorer.score, []

    def interrupted(self: Scorer, folder: Path, *arguments: Any) -> dict[str, Any]:
        seen.append(folder.name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return usual(self, folder, *arguments)

    monkeypatch.setattr(Scorer, "score", interrupted)
    common = (trained_run, "--grid", "strength=1,2,3", "--save", tmp_path, "--cache", cache)
    assert sweep(*common) == 130 and "goes on from here" in capsys.readouterr().err
    assert list(points_of(tmp_path)) == ["strength=1"]
    assert sweep(*common) == 0
    assert seen == ["strength=1", "strength=2", "strength=2", "strength=3"] and len(points_of(tmp_path)) == 3


def test_the_test_part_has_references_a_folder_of_its_own_and_a_warning(
    trained_run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    arguments = ["--grid", "strength=1", "--split", "test", "--cache", str(cache)]
    assert main(["sweep", str(run), *arguments, *FEW]) == 0
    assert "choose none by their numbers" in capsys.readouterr().err
    found = json.loads((run / "sweep_test" / "sweep.json").read_text())
    assert "human reference" in found["baselines"] and found["points"][0]["measures"]["ref_bleu"]["value"] is not None
    assert main(["report", str(run), "--quick", "--quiet"]) == 0
    assert "choose none of them" in (run / "report.html").read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["RUN", "--grid", "strenght=1"], "there are allow_unk, beam"),
        (["RUN", "--grid", "rerank=true"], "textvae fit-scorers"),
        (["RUN", "--grid", "beam=1", "--training.epochs", "3"], "unknown option --training.epochs"),
        (["RUN"], "give at least one --grid"),
        (["--grid", "beam=1"], "give a trained RUN"),
        (["RUN", "--config", TOY, "--grid", "beam=1"], "give a trained RUN"),
        (["--config", TOY, "--grid", "training.seed=0"], "--runs DIR is needed"),
        (["--config", TOY, "--grid", "training.seed=0", "--runs", "DIR", "--split", "test"], "are for decoding a RUN"),
        (["--config", TOY, "--grid", "training.sed=0", "--runs", "DIR"], "training.seed"),
        (["--config", LATENTS, "--grid", "model.latent.siz=2", "--runs", "DIR"], "model.latent.size"),
        (["--config", TREES, "--grid", "training.seed=0", "--runs", "DIR"], "tree has no two numbers to draw"),
        (["DIR", "--grid", "beam=1"], "is missing"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_written(
    trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    named = {"RUN": str(trained_run), "DIR": str(tmp_path / "none")}
    assert sweep(*(named.get(argument, argument) for argument in arguments)) == 2
    assert message in capsys.readouterr().err
    assert not (trained_run / "sweep").exists() and not list(tmp_path.iterdir())


def test_trainings_are_scored_and_a_diverging_one_ends_nothing(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = "training.learning_rate=1e30,0.005"
    common = ["--config", TOY, "--training.max_steps", "20", "--grid", rates, "--runs", tmp_path, "--cache", cache]
    assert sweep(*common) == 3
    bad, good = (tmp_path / f"training.learning_rate={rate}" for rate in ("1e+30", "0.005"))
    assert (state(bad), state(good)) == ("diverged", "finished")
    found = points_of(tmp_path)
    assert found[good.name]["measures"]["accuracy"]["value"] >= 0 and found[bad.name]["state"] == "diverged"
    assert "became" in found[bad.name]["error"] and "diverged: " in capsys.readouterr().out
    assert "--training.learning_rate=0.005" in json.loads((good / "environment.json").read_text())["command"]
    assert not (good / "evaluation").exists(), "what `textvae report` shows there is of the test part"
    before = {path: path.stat().st_mtime_ns for run in (bad, good) for path in run.rglob("*")}
    assert sweep(*common) == 3
    assert {path: path.stat().st_mtime_ns for run in (bad, good) for path in run.rglob("*")} == before
    capsys.readouterr()
    assert sweep(*common, "--dry-run") == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()[1:]] == ["diverged", "finished"]
    assert sweep(*common, "--training.batch_size", "64") == 2
    assert "another configuration" in capsys.readouterr().err


def test_a_stopped_sweep_of_trainings_goes_on(cache: Path, tmp_path: Path) -> None:
    steps = ["--training.max_steps", "200", "--training.checkpoint_every", "200", "--training.evaluate_every", "200"]
    grid = ["--grid", "training.seed=3", "--runs", str(tmp_path), "--cache", str(cache), *FEW]
    command = [sys.executable, "-m", "textvae.cli", "sweep", "--config", TOY, *steps, *grid]
    run = tmp_path / "training.seed=3"
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **CPU}, stderr=subprocess.PIPE, text=True)
    metrics = run / "metrics.jsonl"
    wait_until(lambda: metrics.exists() and bool(metrics.read_text()), 120, "the first logged step")
    process.send_signal(signal.SIGINT)
    assert "goes on from here" in process.communicate(timeout=60)[1]
    assert process.returncode == 130 and state(run) == "unfinished" and list((run / "checkpoints").iterdir())
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **CPU}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert state(run) == "finished" and "training goes on" in done.stderr
    assert json.loads((run / "environment.json").read_text())["resumed"]
    assert list(points_of(tmp_path)) == ["training.seed=3"]


def test_sentence_autoencoders_give_rate_against_distortion(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--diagnostics.max_sentences", "60")
    common = ["--config", LATENTS, "--training.max_steps", "40", "--training.evaluate_every", "40", "--cache", cache]
    grid = ["--grid", "objectives.J_kl.weight=0.01,3", "--runs", tmp_path, *few]
    assert sweep(*common, *grid) == 0
    free, dear = (points_of(tmp_path)[f"objectives.J_kl.weight={weight}"] for weight in ("0.01", "3"))
    assert free["measures"]["rate"]["value"] > 5 > dear["measures"]["rate"]["value"], "a dear rate is not paid"
    assert free["measures"].keys() >= {"distortion", "nll", "mutual_information", "active_units"}
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert found["task"] == "sentence_vae" and dear["on_frontier"] and found["baselines"] == {}
    table = (tmp_path / "table.md").read_text()
    assert "| rate | distortion |" in table and "ACC" not in table and "| weight 3 * |" in table
    svg = (tmp_path / "rate_distortion.svg").read_text()
    assert "mutual information = rate" in svg and "rate + distortion =" in svg and "by weight" in svg
    assert not (tmp_path / "frontier.svg").exists() and "nats a sentence" in capsys.readouterr().out.lower()
    looked = [tmp_path / point["folder"] / "evaluation_dev" / "metrics.json" for point in (free, dear)]
    before = [path.stat().st_mtime_ns for path in looked]
    assert sweep(*common, *grid) == 0
    assert [path.stat().st_mtime_ns for path in looked] == before, "nothing is looked at twice"
    assert sweep(*common, *grid, "--diagnostics.samples", "2") == 0, "other settings: their numbers are not mixed"
    assert all(path.stat().st_mtime_ns > time for path, time in zip(looked, before, strict=True))


def test_a_point_is_looked_at_as_evaluate_looks_at_it(cache: Path, tmp_path: Path) -> None:
    steps = ["--training.max_steps", "4", "--cache", cache, "--diagnostics.max_sentences", "30"]
    runs = tmp_path / "runs"
    assert sweep("--config", LATENTS, *steps, "--grid", "model.latent.kind=vq,deterministic", "--runs", runs) == 0
    for kind in ("vq", "deterministic"):
        run = runs / f"model.latent.kind={kind}"
        options = [
            "--split",
            "dev",
            "--diagnostics.max_sentences=30",
            "--samples",
            "10",
            "--save",
            str(tmp_path / kind),
        ]
        assert main(["evaluate", str(run), *options]) == 0
        found = json.loads((tmp_path / kind / "metrics.json").read_text())
        measures = points_of(runs)[run.name]["measures"]
        assert measures and all(found[name] == value["value"] for name, value in measures.items())
    assert "rate" not in measures and not points_of(runs)["model.latent.kind=deterministic"]["on_frontier"]
