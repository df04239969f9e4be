"""Stopped and resumed is uninterrupted, bit for bit, wherever it stopped and whatever was random."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.laws import (
    DIAGONAL,
    Crash,
    Interrupted,
    all_objectives,
    assert_same_bits,
    loose,
    progress_of,
    tiny_trainer,
    weights_of,
)
from textvae.checkpoint import Checkpoint
from textvae.data.noise import NoiseConfig
from textvae.errors import UserError
from textvae.objectives.config import Weight
from textvae.training.trainer import Result, Trainer

NOISE = NoiseConfig(drop=0.2, blank=0.1, shuffle=2, word_dropout=0.2)


def judged(trainer: Trainer, step: int) -> dict[str, float]:
    """A score that goes up and down with the weights."""
    return {"dev/score": torch.sin(1000 * trainer.recipe.modules["model"].embedding.weight.sum()).item()}  # type: ignore[union-attr, operator]


def build(folder: Path, **options: Any) -> Trainer:
    """A run in which everything is random that can be, with schedules and a judge."""
    networks = {"dropout": 0.3, "dtype": torch.float32, **options.pop("networks", {})}
    defaults: dict[str, Any] = {
        "noise": NOISE,
        "objectives": all_objectives(0.5, J_kl_s=Weight(1.0, "cyclical", steps=5)),
        "epochs": 3,
        "accumulation": 2,
        "adversary_updates": 2,
        "warmup_steps": 3,
        "checkpoint_every": 2,
        "evaluate_every": 3,
        "log_every": 4,
    }
    trainer = tiny_trainer(folder, networks=networks, **defaults | options)
    trainer.validate = lambda step: judged(trainer, step)
    return trainer


def resume(folder: Path, **options: Any) -> tuple[Trainer, Result, int]:
    """A new process, as far as one can have it here: other initial weights, another generator state."""
    networks = {**options.pop("networks", {}), "seed": 99}
    trainer = build(folder, networks=networks, **options)
    torch.manual_seed(12345)
    checkpoint = trainer.checkpoints.latest()
    assert checkpoint is not None
    trainer.restore(checkpoint)
    return trainer, trainer.fit(), checkpoint.step


def assert_equal_runs(resumed: Trainer, whole: Trainer) -> None:
    assert progress_of(resumed) == progress_of(whole)
    assert_same_bits(weights_of(resumed), weights_of(whole))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Twelve steps in three epochs, uninterrupted."""
    trainer = build(tmp_path_factory.mktemp("whole"))
    assert trainer.fit().reason == "finished" and trainer.progress.step == 12
    return trainer


@pytest.mark.parametrize("at", range(2, 12))
def test_after_a_crash(tmp_path: Path, whole: Trainer, at: int) -> None:
    """In the middle of an epoch, at its end and at its beginning; at most the steps since the last checkpoint go."""
    crashed = build(tmp_path)
    crashed.loader = Interrupted(crashed.loader, at)  # type: ignore[assignment]
    with pytest.raises(Crash):
        crashed.fit()
    resumed, result, begun = resume(tmp_path)
    assert begun >= at - 1 and result.reason == "finished"
    assert_equal_runs(resumed, whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 8, 11])
def test_after_a_signal(tmp_path: Path, whole: Trainer, at: int, number: int) -> None:
    """A signal before step `at + 1`: that step is finished and saved, and nothing is lost."""
    assert threading.current_thread() is threading.main_thread(), "the signal would end the tests"
    stopped = build(tmp_path)
    stopped.loader = Interrupted(stopped.loader, at, number)  # type: ignore[assignment]
    handlers = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]
    result = stopped.fit()
    assert (result.reason, result.signal, result.progress.step) == ("signal", number, at + 1)
    assert [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)] == handlers
    resumed, result, begun = resume(tmp_path)
    assert begun == at + 1 and result.reason == "finished"
    assert_equal_runs(resumed, whole)


def test_stopped_again_and_again(tmp_path: Path, whole: Trainer) -> None:
    for start, at in enumerate((0, 3, 1, 2)):
        trainer = build(tmp_path, networks={"seed": 99 if start else 0})
        checkpoint = trainer.checkpoints.latest()
        assert (checkpoint is None) == (start == 0)
        if checkpoint is not None:
            trainer.restore(checkpoint)
        trainer.loader = Interrupted(trainer.loader, at, signal.SIGTERM)  # type: ignore[assignment]
        assert trainer.fit().reason == "signal"
    resumed, _, begun = resume(tmp_path)
    assert begun == 10
    assert_equal_runs(resumed, whole)


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
@pytest.mark.parametrize("options", [{"latent": "gaussian"}, {"latent": "deterministic", "prior": "standard"}])
def test_with_every_network(tmp_path: Path, encoder: str, decoder: str, options: dict[str, str]) -> None:
    networks = {"encoder": encoder, "decoder": decoder, **options}
    whole = build(tmp_path / "whole", networks=networks, max_steps=7)
    whole.fit()
    crashed = build(tmp_path / "run", networks=networks, max_steps=7)
    crashed.loader = Interrupted(crashed.loader, 5)  # type: ignore[assignment]
    with pytest.raises(Crash):
        crashed.fit()
    resumed, _, begun = resume(tmp_path / "run", networks=networks, max_steps=7)
    assert begun == 4
    assert_equal_runs(resumed, whole)


@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay": 0.1},
        {"decay": "cosine"},
        {"clip_norm": 0.0},
        {"networks": {"adversary": "mlp"}},
        {"networks": {"adversary": "discriminant"}},
        {"networks": {"hide_style_words": True}},
        {"networks": {"hide_style_words": True, "style_word_kinds": 2}},
        {"networks": loose()},
        {"networks": {"erase": True}},
    ],
)
def test_with_other_options(tmp_path: Path, options: dict[str, Any]) -> None:
    whole = build(tmp_path / "whole", **options)
    whole.fit()
    crashed = build(tmp_path / "run", **options)
    crashed.loader = Interrupted(crashed.loader, 7)  # type: ignore[assignment]
    with pytest.raises(Crash):
        crashed.fit()
    resumed, _, _ = resume(tmp_path / "run", **options)
    assert_equal_runs(resumed, whole)


def test_patience_is_remembered(tmp_path: Path) -> None:
    """Evaluations without a better score before the stop count after it."""

    def worse(step: int) -> dict[str, float]:
        return {"dev/score": -float(step)}

    options: dict[str, Any] = {"evaluate_every": 1, "patience": 4}
    stopped = build(tmp_path, **options)
    stopped.validate = worse
    stopped.loader = Interrupted(stopped.loader, 2, signal.SIGTERM)  # type: ignore[assignment]
    assert stopped.fit().progress.step == 3
    resumed = build(tmp_path, **options)
    resumed.validate = worse
    checkpoint = resumed.checkpoints.latest()
    assert checkpoint is not None
    resumed.restore(checkpoint)
    result = resumed.fit()
    assert (result.reason, result.progress.step, result.progress.best_step) == ("patience", 5, 1)


def test_a_finished_run_stays_finished(tmp_path: Path, whole: Trainer) -> None:
    first = build(tmp_path)
    first.fit()
    again, result, begun = resume(tmp_path)
    assert begun == 12 and result.reason == "finished" and result.progress.step == 12
    assert_same_bits(weights_of(again), weights_of(whole))


def test_before_the_first_step_a_snapshot_can_be_taken_and_restored(tmp_path: Path) -> None:
    """A signal may come before any optimizer has a state."""
    trainer = build(tmp_path)
    trainer.checkpoints.save(trainer.snapshot())
    other = build(tmp_path, networks={"seed": 99})
    checkpoint = other.checkpoints.latest()
    assert checkpoint is not None and checkpoint.step == 0
    other.restore(checkpoint)
    assert_same_bits(weights_of(other), weights_of(trainer))


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ({"vocabulary": 41}, r"\(37, 6\) in the checkpoint, \(41, 6\) in the model.* Resume"),
        ({"layers": 1}, r"model/sentence_encoder\.\S+ is in the checkpoint only"),
        ({"layers": 3}, r"model/\S+ is not in the checkpoint"),
        ({"adversary": "mlp"}, r"adversaries/\S+ is not in the checkpoint"),
    ],
)
def test_a_checkpoint_of_another_model_changes_nothing(tmp_path: Path, networks: dict[str, Any], message: str) -> None:
    first = build(tmp_path, max_steps=2)
    first.fit()
    other = build(tmp_path, networks=networks)
    refuses(other, first.snapshot(), f"{tmp_path}: the checkpoint of step 2 does not fit the model.*{message}")


def test_an_optimizer_state_of_another_shape_changes_nothing(tmp_path: Path) -> None:
    first = build(tmp_path, max_steps=2)
    first.fit()
    checkpoint = first.snapshot()
    checkpoint.tensors["model.optimizer"]["0.exp_avg"] = torch.zeros(7, 3)
    refuses(build(tmp_path), checkpoint, r"model\.optimizer/0\.exp_avg is \(7, 3\) in the checkpoint")
    checkpoint.state["groups"]["model"][0]["params"].pop()
    refuses(build(tmp_path), checkpoint, "the optimizer of model moves [0-9]+ tensors in the checkpoint")


def refuses(trainer: Trainer, checkpoint: Checkpoint, message: str) -> None:
    before = weights_of(trainer)
    with pytest.raises(UserError, match=message):
        trainer.restore(checkpoint)
    assert_same_bits(weights_of(trainer), before)
    assert trainer.progress.step == 0
