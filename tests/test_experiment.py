"""From the command line to a run directory, and on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import CPU, ROOT, run_python

from textvae.checkpoint import Checkpoints
from textvae.config import load_config
from textvae.experiment.machine import choose_precision
from textvae.inference.style_transfer import StyleTransfer

TRAIN = ("train.py", "--config", "configs/toy/test.yaml")


def last_weights(run: Path) -> dict[str, torch.Tensor]:
    checkpoint = Checkpoints(run / "checkpoints").latest()
    assert checkpoint is not None
    return {f"{file}/{name}": t for file, ts in checkpoint.tensors.items() for name, t in ts.items()}


def test_a_run_directory_holds_everything_to_repeat_the_run(trained_run: Path) -> None:
    names = {p.name for p in trained_run.iterdir()}
    assert names >= {"config.yaml", "environment.json", "data.json", "tokenizer", "bag_of_words.json", "metrics.jsonl"}
    assert names >= {"checkpoints", "best"}
    assert not list(trained_run.rglob("*.bin")) and not list(trained_run.rglob("*.pt"))
    config = load_config(trained_run / "config.yaml")
    assert config.training.max_steps == 60 and config.model.encoder.size == 32
    data = json.loads((trained_run / "data.json").read_text())
    assert len(data["fingerprint"]) == 64 and data["labels"] == ["negative", "positive"]
    environment = json.loads((trained_run / "environment.json").read_text())
    assert environment["packages"]["torch"] and environment["num_processes"] == 1


def test_metrics_name_every_objective_and_the_dev_score(trained_run: Path) -> None:
    lines = [json.loads(line) for line in (trained_run / "metrics.jsonl").read_text().splitlines()]
    train = next(line for line in lines if "train/vae/J_rec" in line)
    for term in ("J_rec", "J_kl_s", "J_kl_c", "J_mul_s", "J_mul_c", "J_adv_s", "J_adv_c"):
        assert f"train/vae/{term}" in train and f"train/lambda/{term}" in train
    assert {"train/dis/J_dis_s", "train/dis/J_dis_c"} <= set(train)
    dev = [line["dev/score"] for line in lines if "dev/score" in line]
    assert len(dev) == 2
    losses = [line["train/vae/J_rec"] for line in lines if "train/vae/J_rec" in line]
    assert losses[-1] < losses[0] - 1.0


def test_the_saved_model_transfers(trained_run: Path) -> None:
    transfer = StyleTransfer.from_pretrained(trained_run)
    assert transfer.labels == ("negative", "positive")
    outputs = transfer(["The food was awful!", ""], target="positive")
    assert len(outputs) == 2 and outputs[1] == ""


def test_stopped_and_resumed_equals_uninterrupted_bit_for_bit(trained_run: Path, tmp_path: Path, cache: Path) -> None:
    run = tmp_path / "stopped"
    command = (*TRAIN, "--run", str(run), "--cache", str(cache))
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stderr=subprocess.PIPE, env={**os.environ, **CPU}, text=True
    )
    wait_for_step(run, 20, process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, errors
    stopped = Checkpoints(run / "checkpoints").latest()
    assert stopped is not None and stopped.step < 60, "stopped too late to test anything"
    resumed = run_python(*command, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert f"resumed at step {stopped.step}" in resumed.stderr
    whole, parts = last_weights(trained_run), last_weights(run)
    assert whole.keys() == parts.keys()
    different = [name for name in whole if not torch.equal(whole[name], parts[name])]
    assert not different
    best = [load_file(r / "best" / "model.safetensors") for r in (trained_run, run)]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])


def test_killed_run_goes_on_from_its_last_checkpoint(tmp_path: Path, cache: Path) -> None:
    run = tmp_path / "killed"
    command = (*TRAIN, "--run", str(run), "--cache", str(cache), "--training.checkpoint_every", "1")
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stderr=subprocess.DEVNULL, env={**os.environ, **CPU}
    )
    wait_for_step(run, 5, process)
    process.kill()
    process.wait()
    kept = Checkpoints(run / "checkpoints").latest()
    assert kept is not None and kept.step >= 5
    resumed = run_python(*command, "--resume", "--training.max_steps", str(kept.step + 3))
    assert resumed.returncode == 0, resumed.stderr
    assert f"resumed at step {kept.step}" in resumed.stderr
    after = Checkpoints(run / "checkpoints").latest()
    assert after is not None and after.step == kept.step + 3


def wait_for_step(run: Path, step: int, process: subprocess.Popen, limit: float = 120) -> None:
    """Until a checkpoint of at least `step` stands there."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        assert process.poll() is None, "the training ended before it could be stopped"
        found = [int(p.name.removeprefix("step_")) for p in (run / "checkpoints").glob("step_*")]
        if found and max(found) >= step:
            return
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint of step {step} after {limit} s")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data.path", "no/such/folder", "--data.name", "sentiment"), "textvae data download yelp"),
        (("--resume",), "no run to resume"),
        (("--training.precision", "fp16"), "fp16 needs a GPU"),
        (("--training.batch_size", "7", "--training.accumulation", "2"), "not a multiple"),
        (("--objectives.J_kl_s.schedule", "tanh"), "needs steps"),
    ],
)
def test_what_a_user_gets_wrong_is_told_in_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, cache: Path
) -> None:
    done = run_python(*TRAIN, "--run", str(tmp_path / "r"), "--cache", str(cache), *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_run_is_never_overwritten_unasked(trained_run: Path, cache: Path) -> None:
    before = sorted(p.name for p in trained_run.rglob("*"))
    done = run_python(*TRAIN, "--run", str(trained_run), "--cache", str(cache))
    assert done.returncode == 2 and "--resume" in done.stderr and "--overwrite" in done.stderr
    assert sorted(p.name for p in trained_run.rglob("*")) == before


def test_print_config_shows_values_with_their_documentation() -> None:
    done = run_python(*TRAIN, "--print_config")
    assert done.returncode == 0
    assert "max_steps: 60" in done.stdout and "# Sentences in a step" in done.stdout


def test_precision_names() -> None:
    assert choose_precision("fp32") == "no" and choose_precision("bf16") == "bf16"
    assert choose_precision("auto") in ("no", "bf16")
