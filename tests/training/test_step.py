"""One step: sums over the global batch, whatever the split; what is logged is what was descended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.laws import (
    DIAGONAL,
    FIRST_WORD,
    OWN_DECODERS,
    all_objectives,
    assert_close,
    outputs_of,
    parameters_of,
    separate_latent_kinds,
    tiny_batch,
    tiny_networks,
    tiny_trainer,
)
from textvae.modules.noise import NoiseKey
from textvae.objectives.style_content import ADVERSARY_TERMS, MODEL_TERMS, OBJECTIVES, PRIOR_OBJECTIVES
from textvae.training.step import Totals, weighted_loss
from textvae.training.trainer import Trainer

WEIGHTS = {name: 0.1 * (i + 1) for i, name in enumerate((*OBJECTIVES, *PRIOR_OBJECTIVES))}


def totals_of(trainer: Trainer, seed: int = 0) -> Totals:
    batch = tiny_batch(8, seed)
    return Totals(len(batch), batch.num_tokens)


def test_the_loss_is_the_weighted_sum_of_global_means() -> None:
    model, adversaries = tiny_networks()
    batch = tiny_batch()
    outputs = outputs_of(model, adversaries, batch)
    loss, shares = weighted_loss(OBJECTIVES, MODEL_TERMS, outputs, WEIGHTS, Totals(10, 50), 1)
    expected = {n: OBJECTIVES[n](outputs).sum() / (50 if n == "J_rec" else 10) for n in MODEL_TERMS}
    assert set(shares) == set(MODEL_TERMS)
    for name, value in expected.items():
        assert_close(shares[name], value, 1e-12, name)
        assert not shares[name].requires_grad
    assert_close(loss, sum(WEIGHTS[n] * v for n, v in expected.items()), 1e-12)  # type: ignore[arg-type]
    doubled, same = weighted_loss(OBJECTIVES, MODEL_TERMS, outputs, WEIGHTS, Totals(10, 50), 2)
    assert_close(doubled, 2 * loss, 1e-12, "the mean over two processes is undone")
    assert all(torch.equal(same[n], shares[n]) for n in shares)


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_term_of_weight_zero_is_logged_and_moves_nothing(tmp_path: Path, name: str) -> None:
    results = []
    for weights in ({**WEIGHTS, name: 0.0}, {k: v for k, v in WEIGHTS.items() if k != name}):
        trainer = tiny_trainer(tmp_path)
        logs = {}
        for phase in trainer.recipe.phases:
            terms = tuple(t for t in phase.terms if t in weights)
            trainer.recipe.phases = tuple(
                replace(p, terms=terms) if p.name == phase.name else p for p in trainer.recipe.phases
            )
        for seed in range(2):
            logs = trainer.stepper.step([tiny_batch(8, seed)], weights, totals_of(trainer, seed))
        results.append((logs, parameters_of(trainer.recipe.modules)))
    phase = "dis" if name in ADVERSARY_TERMS else "vae"
    assert f"{phase}/{name}" in results[0][0] and f"{phase}/{name}" not in results[1][0]
    for parameter, value in results[0][1].items():
        assert_close(results[1][1][parameter], value, 1e-12, parameter)


def test_every_term_loss_and_norm_is_logged(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path)
    logs = trainer.stepper.step([tiny_batch(8)], WEIGHTS, totals_of(trainer))
    expected = {f"vae/{n}" for n in (*MODEL_TERMS, "loss", "grad_norm")}
    expected |= {f"dis/{n}" for n in (*ADVERSARY_TERMS, "loss", "grad_norm")}
    assert set(logs) == expected
    assert all(not value.requires_grad and value.dim() == 0 for value in logs.values())
    for phase, terms in (("vae", MODEL_TERMS), ("dis", ADVERSARY_TERMS)):
        total = sum(WEIGHTS[n] * logs[f"{phase}/{n}"] for n in terms)
        assert_close(logs[f"{phase}/loss"], total, 1e-12)  # type: ignore[arg-type]


def split(sizes: tuple[int, ...], seed: int) -> list:
    """A batch of eight in slices, each with its place in the noise."""
    batch, parts, start = tiny_batch(8, seed), [], 0
    for size in sizes:
        parts.append(batch.rows(start, start + size))
        start += size
    return parts


def after_steps(folder: Path, sizes: tuple[int, ...], **options: str) -> tuple[dict, dict]:
    trainer, logs = tiny_trainer(folder, networks=dict(options)), {}
    for seed in range(3):
        logs = trainer.stepper.step(split(sizes, seed), WEIGHTS, totals_of(trainer, seed))
    return logs, parameters_of(trainer.recipe.modules)


@pytest.mark.parametrize(
    "options",
    [{"encoder": e, "decoder": d} for e, d in DIAGONAL]
    + [{"latent": k, "prior": p} for k, p in separate_latent_kinds()],
)
@pytest.mark.parametrize("sizes", [(4, 4), (1, 2, 5)])
def test_accumulated_micro_batches_are_one_batch(tmp_path: Path, options: dict, sizes: tuple[int, ...]) -> None:
    """2 × 4 = 8, noise included: weights after three steps of both phases, and everything that is logged."""
    logs, weights = after_steps(tmp_path, (8,), **options)
    split_logs, split_weights = after_steps(tmp_path, sizes, **options)
    for name, value in weights.items():
        assert_close(split_weights[name], value, 1e-9, name)
    for name, value in logs.items():
        assert_close(split_logs[name], value, 1e-9, name)


def test_the_gradient_is_clipped_a_phase_at_a_time(tmp_path: Path) -> None:
    seen: dict[str, float] = {}
    for limit in (0.0, 0.01):
        trainer = tiny_trainer(tmp_path, clip_norm=limit)
        for name, optimizer in trainer.optimizers.items():
            step, module = optimizer.step, trainer.recipe.modules[name]

            def measured(*_: object, step: object = step, module: torch.nn.Module = module, name: str = name) -> None:
                squares = sum(p.grad.square().sum() for p in module.parameters() if p.grad is not None)
                seen[f"{name} {limit}"] = float(squares) ** 0.5  # noqa: B023
                step()  # type: ignore[operator]

            optimizer.step = measured  # type: ignore[method-assign]
        logs = trainer.stepper.step([tiny_batch(8)], WEIGHTS, totals_of(trainer))
        seen |= {f"{phase} logged {limit}": float(logs[f"{phase}/grad_norm"]) for phase in ("vae", "dis")}
    for module, phase in (("model", "vae"), ("adversaries", "dis")):
        assert seen[f"{module} 0.0"] == pytest.approx(seen[f"{phase} logged 0.0"]), "0 clips nothing"
        assert seen[f"{module} 0.01"] == pytest.approx(0.01, rel=1e-3)
    assert seen["vae logged 0.01"] == pytest.approx(seen["vae logged 0.0"]), "the norm before clipping is logged"


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL[len(OWN_DECODERS) :])
def test_one_batch_is_learnt_by_heart(tmp_path: Path, encoder: str, decoder: str) -> None:
    """Overfitting shows that every part can learn: words, labels and bags of words to (almost) no loss."""
    trainer = tiny_trainer(
        tmp_path,
        networks={"encoder": encoder, "decoder": decoder, "dtype": torch.float32, "layers": 1},
        objectives=all_objectives(),
        learning_rate=0.02,
    )
    trainer.set_rates(0)
    batch = tiny_batch(6)
    weights = dict.fromkeys(OBJECTIVES, 1.0) | {"J_kl_s": 1e-3, "J_kl_c": 1e-3, "J_adv_s": 0.0, "J_adv_c": 0.0}
    logs: dict[str, torch.Tensor] = {}
    for step in range(250):
        batch = replace(batch, key=NoiseKey(step, 0, 6))
        logs = trainer.stepper.step([batch], weights, Totals(6, batch.num_tokens))
        if logs["vae/J_rec"] < 0.02 and logs["vae/J_mul_s"] < 0.05:
            break
    assert logs["vae/J_rec"] < 0.1 and logs["vae/J_mul_s"] < 0.1
    model = trainer.recipe.modules["model"].eval()
    found = model.generate(  # type: ignore[union-attr, operator]
        batch.input_ids, max_new_tokens=batch.labels.shape[1], do_sample=False, num_beams=1
    )[:, 1:]
    wanted = batch.labels.clamp(min=0)[:, : found.shape[1]]
    assert (wanted >= FIRST_WORD).any() and torch.equal(found, wanted)
