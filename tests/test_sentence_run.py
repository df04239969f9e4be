"""A sentence autoencoder from the command line: trained, resumed, looked at, on labelled and on plain text."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from support import ROOT, run_python

from tests.test_experiment import last_weights
from textvae.checkpoint import Checkpoints
from textvae.commands.evaluate import main as evaluate
from textvae.config import load_config
from textvae.config.sentence_vae import SentenceExperimentConfig
from textvae.config.style_transfer import ExperimentConfig
from textvae.data.config import DataConfig
from textvae.errors import UserError
from textvae.inference.loading import load
from textvae.inference.style_transfer import StyleTransfer
from textvae.models.sentence_configuration import SentenceModelConfig
from textvae.models.sentence_vae import SentenceVAE
from textvae.objectives.config import SentenceObjectives, Weight

TRAIN = ("train.py", "--config", "configs/toy/sentence_vae.yaml")
SHORT = ("--training.max_steps", "8", "--training.evaluate_every", "4", "--training.checkpoint_every", "4")


@pytest.fixture(scope="module")
def sentence_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run: 8 steps on the bundled sample."""
    run = tmp_path_factory.mktemp("runs") / "sentences"
    done = run_python(*TRAIN, *SHORT, "--run", str(run), "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stderr, "eight steps cannot be enough to use z, and that is told"
    return run


def test_a_run_directory_holds_everything_to_repeat_the_run(sentence_run: Path) -> None:
    names = {p.name for p in sentence_run.iterdir()}
    assert names >= {
        "config.yaml",
        "environment.json",
        "data.json",
        "tokenizer",
        "metrics.jsonl",
        "checkpoints",
        "best",
    }
    config = load_config(sentence_run / "config.yaml")
    assert isinstance(config, SentenceExperimentConfig) and config.training.max_steps == 8
    lines = [json.loads(line) for line in (sentence_run / "metrics.jsonl").read_text().splitlines()]
    assert any({"train/vae/J_rec", "train/vae/J_kl", "train/lambda/J_kl"} <= set(line) for line in lines)
    dev = [line for line in lines if "dev/score" in line]
    assert len(dev) == 2 and all({"dev/rate", "dev/distortion", "dev/nll", "dev/gain"} <= set(line) for line in dev)
    card = (sentence_run / "best" / "README.md").read_text()
    assert "mutual_information" in card and "gaussian, 16 numbers" in card


def test_the_model_loads_as_what_it_is_and_as_nothing_else(sentence_run: Path) -> None:
    loaded = load(sentence_run, torch.device("cpu"), SentenceVAE)
    assert loaded.model.latent.size == 16 and loaded.model.sample_prior(3).shape == (3, 16)
    with pytest.raises(UserError, match="another kind"):
        StyleTransfer.from_pretrained(sentence_run)


def test_evaluate_tells_and_saves_how_the_latent_is_used(
    sentence_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = [str(sentence_run), "--samples", "3", "--diagnostics.max_sentences=50", "--save", str(tmp_path / "new")]
    assert evaluate(arguments) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("NLL", "rate", "mutual information", "active units", "gain by position"))
    saved = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert saved["samples"] == 3 and saved["sentences"] == 50 and saved["split"] == "test"
    assert saved["nll"] > 0 and "warning: " + saved["warnings"][0] in shown


def test_stopped_and_resumed_equals_uninterrupted(sentence_run: Path, tmp_path: Path, cache: Path) -> None:
    run = tmp_path / "stopped"
    shutil.copytree(sentence_run, run)
    shutil.rmtree(run / "checkpoints" / "step_00000008")
    done = run_python(*TRAIN, *SHORT, "--run", str(run), "--cache", str(cache), "--resume")
    assert done.returncode == 0 and "resumed at step 4" in done.stderr, done.stderr
    whole, parts = last_weights(sentence_run), last_weights(run)
    assert whole.keys() == parts.keys() and all(torch.equal(whole[n], parts[n]) for n in whole)


def test_plain_text_is_enough(tmp_path: Path, cache: Path) -> None:
    """One file, without labels; dev is held out. Another run starts from this one."""
    text = tmp_path / "reviews.txt"
    text.write_text(
        "".join((ROOT / "data" / "sample" / f"reviews.dev.{y}").read_text() for y in ("negative", "positive"))
    )
    plain = ("--data.source", "lines", "--data.path", str(text), "--cache", str(cache), "--training.batch_size", "64")
    done = run_python(*TRAIN, *SHORT, *plain, "--run", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert data["labels"] == ["text"] and data["train"] + data["dev"] == 1000 and data["test"] == 0
    started = ("--start", str(tmp_path / "run"), "--run", str(tmp_path / "second"))
    done = run_python(*TRAIN, *SHORT, *plain, *started)
    assert done.returncode == 0 and "starts from step 8" in done.stderr, done.stderr
    assert Checkpoints(tmp_path / "second" / "checkpoints").latest() is not None


def test_style_transfer_refuses_text_without_labels() -> None:
    with pytest.raises(UserError, match="no labels"):
        ExperimentConfig(data=DataConfig(source="lines"))


def test_a_weight_of_the_bag_of_words_needs_its_layer() -> None:
    objectives = SentenceObjectives(J_bow=Weight(1.0))
    with pytest.raises(UserError, match="bag_of_words"):
        SentenceExperimentConfig(objectives=objectives)
    assert SentenceExperimentConfig(objectives=objectives, model=SentenceModelConfig(bag_of_words=True))
