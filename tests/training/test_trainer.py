"""The loop: how it ends, what it logs, what it keeps, what stops it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.laws import (
    ADVERSARY_KINDS,
    DIAGONAL,
    all_objectives,
    assert_close,
    seeds_of,
    tiny_accelerator,
    tiny_trainer,
    weights_of,
)
from textvae.checkpoint import Checkpoints
from textvae.objectives.config import Weight
from textvae.objectives.style_content import ADVERSARY_TERMS, MODEL_TERMS, OBJECTIVES, Outputs
from textvae.training.trainer import Trainer, TrainingDiverged

STEPS_PER_EPOCH = 4  # 27 sentences in batches of 8


def logged(trainer: Trainer) -> list[tuple[int, dict[str, float]]]:
    """A list that fills with what the trainer logs."""
    lines: list[tuple[int, dict[str, float]]] = []
    trainer.accelerator.log = lambda values, step=None, **_: lines.append((step, values))  # type: ignore[method-assign]
    return lines


def steps_saved(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step_")) for path in folder.iterdir())


# ---------------------------------------------------------------------------------------------- ends
def test_it_ends_after_its_epochs(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, epochs=3)
    result = trainer.fit()
    assert (result.reason, result.progress.step) == ("finished", 3 * STEPS_PER_EPOCH)
    corpus = trainer.loader.corpus
    assert result.progress.tokens == 3 * (len(corpus.ids) + len(corpus)), "every sentence with its end, each epoch"


@pytest.mark.parametrize("steps", [1, 3, STEPS_PER_EPOCH, 6])
def test_max_steps_ends_it_anywhere(tmp_path: Path, steps: int) -> None:
    trainer = tiny_trainer(tmp_path, epochs=3, max_steps=steps)
    result = trainer.fit()
    assert (result.reason, result.progress.step) == ("finished", steps)
    assert steps_saved(tmp_path)[-1] == steps


def test_more_max_steps_than_epochs_have_change_nothing(tmp_path: Path) -> None:
    assert tiny_trainer(tmp_path, max_steps=1000).fit().progress.step == 2 * STEPS_PER_EPOCH


def scores(values: list[float], calls: list[int] | None = None) -> Callable[[int], dict[str, float]]:
    """A validation that gives one score after the other."""
    left = iter(values)

    def validate(step: int) -> dict[str, float]:
        if calls is not None:
            calls.append(step)
        return {"dev/score": next(left)}

    return validate


def test_patience_ends_it_after_that_many_evaluations_without_a_better_score(tmp_path: Path) -> None:
    saved: list[int] = []
    trainer = tiny_trainer(
        tmp_path,
        epochs=50,
        evaluate_every=2,
        patience=3,
        validate=scores([0.1, 0.3, 0.2, 0.3, 0.25, 0.9, 0.9]),
        save_best=lambda step, metrics: saved.append(trainer.progress.step),
    )
    result = trainer.fit()
    assert (result.reason, result.progress.step) == ("patience", 10)
    assert (result.progress.best_score, result.progress.best_step) == (0.3, 4)
    assert saved == [2, 4], "an equal score is no better one"
    assert steps_saved(tmp_path)[-1] == 10


def test_without_patience_a_bad_score_ends_nothing(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, validate=scores([0.5] + [0.1] * 9), evaluate_every=1, max_steps=6)
    assert trainer.fit().reason == "finished"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epochs": 3}, [4, 8, 12]),
        ({"epochs": 2, "evaluate_every": 3}, [3, 6, 8]),
        ({"epochs": 2, "evaluate_every": 4}, [4, 8]),
        ({"epochs": 2, "max_steps": 6}, [4, 6]),
    ],
)
def test_evaluations_are_once_an_epoch_or_as_asked_and_at_the_end(
    tmp_path: Path, options: dict[str, int], expected: list[int]
) -> None:
    calls: list[int] = []
    trainer = tiny_trainer(tmp_path, validate=scores([0.1] * 20, calls), **options)  # type: ignore[arg-type]
    trainer.fit()
    assert calls == expected


def test_evaluation_is_in_eval_mode_and_training_goes_on_in_training_mode(tmp_path: Path) -> None:
    modes = []

    def validate(step: int) -> dict[str, float]:
        modes.append(trainer.recipe.modules["model"].training)
        return {"dev/score": 0.0}

    trainer = tiny_trainer(tmp_path, validate=validate, evaluate_every=1, max_steps=2)
    trainer.fit()
    assert modes == [False, False] and trainer.recipe.modules["model"].training


def test_evaluation_changes_nothing_in_the_training(tmp_path: Path) -> None:
    """Random numbers drawn by an evaluation must not reach the next step."""

    def validate(step: int) -> dict[str, float]:
        return {"dev/score": float(torch.rand(step).sum())}

    options: dict[str, Any] = {"networks": {"dropout": 0.3}}
    plain = tiny_trainer(tmp_path / "a", **options)
    evaluated = tiny_trainer(tmp_path / "b", validate=validate, evaluate_every=1, **options)
    plain.fit(), evaluated.fit()
    expected, found = weights_of(plain), weights_of(evaluated)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_score_that_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    saved: list[int] = []
    trainer = tiny_trainer(
        tmp_path,
        evaluate_every=1,
        max_steps=4,
        validate=scores([math.nan, 0.1, 0.2, math.nan]),
        save_best=lambda step, metrics: saved.append(trainer.progress.step),
    )
    progress = trainer.fit().progress
    assert (progress.best_score, progress.best_step) == (0.2, 3) and saved == [2, 3]


# ---------------------------------------------------------------------------------------------- what is logged
def test_every_term_is_logged_under_its_own_name(tmp_path: Path) -> None:
    objectives = all_objectives(0.5, J_kl_c=Weight(0.0), J_kl_s=Weight(2.0, "linear", steps=4))
    trainer = tiny_trainer(tmp_path, objectives=objectives, max_steps=2)
    lines = logged(trainer)
    trainer.fit()
    assert [step for step, _ in lines] == [1, 2]
    names = {f"train/vae/{n}" for n in MODEL_TERMS} | {f"train/dis/{n}" for n in ADVERSARY_TERMS}
    names |= {f"train/{phase}/{n}" for phase in ("vae", "dis") for n in ("loss", "grad_norm")}
    names |= {f"train/lambda/{n}" for n in OBJECTIVES}
    names |= {"train/learning_rate", "train/tokens_per_second", "train/sentences_per_second"}
    for _, values in lines:
        assert set(values) == names
        assert all(isinstance(v, float) and math.isfinite(v) for v in values.values())
    assert [v["train/lambda/J_kl_s"] for _, v in lines] == [0.0, 0.5]
    assert [v["train/lambda/J_kl_c"] for _, v in lines] == [0.0, 0.0]
    assert all(v["train/vae/J_kl_c"] > 0 for _, v in lines)


def test_a_log_line_is_the_mean_since_the_last_one(tmp_path: Path) -> None:
    each, seldom = (tiny_trainer(tmp_path, log_every=n, max_steps=7) for n in (1, 3))
    one, three = logged(each), logged(seldom)
    each.fit(), seldom.fit()
    assert [step for step, _ in three] == [3, 6, 7], "the last step always has a line"
    for (_, values), part in zip(three, ([0, 1, 2], [3, 4, 5], [6]), strict=True):
        for name in ("train/vae/J_rec", "train/dis/J_dis_s", "train/vae/grad_norm"):
            assert values[name] == pytest.approx(sum(one[i][1][name] for i in part) / len(part))


def test_rates_follow_their_plan(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, learning_rate=0.01, warmup_steps=2, max_steps=6)
    lines = logged(trainer)
    trainer.fit()
    expected = [0.005, 0.01, 0.01, 0.01 * (1 - 0.9 / 4), 0.01 * (1 - 1.8 / 4), 0.01 * (1 - 2.7 / 4)]
    assert [v["train/learning_rate"] for _, v in lines] == pytest.approx(expected)


# ---------------------------------------------------------------------------------------------- NaN
def inject(monkeypatch: pytest.MonkeyPatch, name: str, at: int, value: float) -> None:
    """From its `at`-th evaluation on, an objective is `value` for one sentence or token of the batch."""
    objective, count = OBJECTIVES[name], 0

    def poisoned(outputs: Outputs) -> Tensor:
        nonlocal count
        count += 1
        found = objective(outputs)
        if count < at:
            return found
        poison = torch.ones_like(found)
        poison.view(-1)[0] = value
        return found * poison

    monkeypatch.setitem(OBJECTIVES, name, poisoned)


def all_finite(folder: Path) -> bool:
    found = [Checkpoints.read(path) for path in folder.iterdir()]
    return all(bool(t.isfinite().all()) for c in found for ts in c.tensors.values() for t in ts.values())


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
@pytest.mark.parametrize("log_every", [1, 4, 100])
def test_nan_names_its_term_and_step_and_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, log_every: int
) -> None:
    inject(monkeypatch, name, 3, math.nan)
    trainer = tiny_trainer(tmp_path, log_every=log_every, checkpoint_every=1)
    phase = "dis" if name in ADVERSARY_TERMS else "vae"
    with pytest.raises(TrainingDiverged, match=f"{phase}/{name} .*step 3"):
        trainer.fit()
    assert steps_saved(tmp_path) == [1, 2] and all_finite(tmp_path)


@pytest.mark.parametrize("checkpoint_every", [2, 5, 100])
def test_nan_is_found_before_anything_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint_every: int
) -> None:
    inject(monkeypatch, "J_rec", 6, math.inf)
    trainer = tiny_trainer(tmp_path, log_every=100, checkpoint_every=checkpoint_every)
    with pytest.raises(TrainingDiverged, match="vae/J_rec .*(inf|nan) at step 6"):
        trainer.fit()
    assert steps_saved(tmp_path)[-1] < 6 and all_finite(tmp_path)


def test_a_weight_of_zero_does_not_hide_a_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 · NaN is NaN: the step is spoilt all the same."""
    inject(monkeypatch, "J_kl_c", 2, math.nan)
    trainer = tiny_trainer(tmp_path, objectives=all_objectives(0.5, J_kl_c=Weight(0.0)))
    with pytest.raises(TrainingDiverged, match="J_kl_c"):
        trainer.fit()


def test_nan_is_found_before_an_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are NaN are neither judged nor kept as the best."""
    inject(monkeypatch, "J_rec", 3, math.nan)
    saved: list[int] = []

    def validate(step: int) -> dict[str, float]:
        weights = trainer.recipe.modules["model"].parameters()
        assert all(bool(p.isfinite().all()) for p in weights), "judged a broken model"
        return {"dev/score": float(step)}

    trainer = tiny_trainer(
        tmp_path,
        log_every=100,
        checkpoint_every=100,
        evaluate_every=1,
        validate=validate,
        save_best=lambda step, metrics: saved.append(trainer.progress.step),
    )
    with pytest.raises(TrainingDiverged, match="J_rec .*step 3"):
        trainer.fit()
    assert saved == [1, 2]


class Scaler:
    """As much of a gradient scaler as the loop sees."""

    def scale(self, loss: Tensor) -> Tensor:
        return loss

    def state_dict(self) -> dict[str, float]:
        return {"scale": 1.0}


def test_an_infinite_gradient_norm_is_normal_with_a_gradient_scaler(tmp_path: Path) -> None:
    """fp16: the scaler skips such a step and lowers its scale; only a term that is not finite is a divergence."""
    for scaler in (None, Scaler()):
        trainer = tiny_trainer(tmp_path / str(scaler is None), max_steps=4)
        trainer.accelerator.scaler = scaler
        step = trainer.stepper.step

        def overflow(*args: Any, step: Callable[..., dict[str, Tensor]] = step) -> dict[str, Tensor]:
            return step(*args) | {"vae/grad_norm": torch.tensor(math.inf)}

        object.__setattr__(trainer.stepper, "step", overflow)
        if scaler is None:
            with pytest.raises(TrainingDiverged, match="grad_norm"):
                trainer.fit()
        else:
            assert trainer.fit().progress.step == 4


# ---------------------------------------------------------------------------------------------- variants
@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
def test_bf16_trains_and_is_near_fp32(tmp_path: Path, encoder: str, decoder: str) -> None:
    first = []
    for precision in ("no", "bf16"):
        trainer = tiny_trainer(
            tmp_path / precision,
            tiny_accelerator(precision),
            networks={"encoder": encoder, "decoder": decoder, "dtype": torch.float32},
        )
        lines = logged(trainer)
        assert trainer.fit().reason == "finished"
        assert all(p.dtype == torch.float32 for p in trainer.recipe.modules["model"].parameters())
        first.append(lines[0][1])
    for name in [f"train/vae/{n}" for n in MODEL_TERMS] + [f"train/dis/{n}" for n in ADVERSARY_TERMS]:
        assert first[1][name] == pytest.approx(first[0][name], rel=0.03, abs=0.03), name


@pytest.mark.parametrize("accumulation", [2, 4, 8])
@pytest.mark.parametrize("erase", [False, True])
@pytest.mark.parametrize("adversary", ADVERSARY_KINDS)
def test_accumulation_does_not_change_a_run(tmp_path: Path, accumulation: int, adversary: str, erase: bool) -> None:
    """The last batch of an epoch has 3 rows: fewer than the micro-batches."""
    networks = {"adversary": adversary, "erase": erase}
    one, many = (tiny_trainer(tmp_path / str(n), accumulation=n, networks=networks) for n in (1, accumulation))
    one.fit(), many.fit()
    expected, found = weights_of(one), weights_of(many)
    tolerance = 1e-3 if adversary == "discriminant" else 1e-7  # its sums are fp32
    for name, value in expected.items():
        assert_close(found[name], value, tolerance, name)


def test_two_runs_with_one_seed_are_equal_and_with_two_are_not(tmp_path: Path) -> None:
    runs = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        trainer = tiny_trainer(tmp_path / name, networks={"dropout": 0.3}, seed=seed)
        torch.manual_seed(len(runs))  # whatever came before
        trainer.fit()
        runs.append(weights_of(trainer))
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert not torch.equal(runs[0]["model/embedding.weight"], runs[2]["model/embedding.weight"])


def test_every_step_has_its_own_random_numbers(tmp_path: Path) -> None:
    """One dropout mask for all steps would be no dropout at all (between processes: tests/distributed)."""
    trainer = tiny_trainer(tmp_path)
    seeds = seeds_of(trainer)
    trainer.fit()
    assert len(seeds) == len(set(seeds)) == 2 * STEPS_PER_EPOCH


def test_the_adversaries_keep_up_when_asked(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, adversary_updates=3, max_steps=2)
    trainer.fit()
    steps = [
        float(t) for n, t in weights_of(trainer).items() if n.startswith("adversaries.opt") and n.endswith(".step")
    ]
    assert steps and set(steps) == {6.0}
