"""The recipe of the hierarchical VAE: who moves, where gradients go, blocks of documents, resuming, micro-batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.document_laws import (
    document_batch,
    document_loader,
    document_trainer,
    hierarchical_model,
    hierarchical_recipe,
)
from tests.laws import Crash, Interrupted, assert_close, assert_same_bits, parameters_of, progress_of, weights_of
from textvae.extras.documents.objectives import HIERARCHICAL_OBJECTIVES
from textvae.extras.documents.recipe import HierarchicalRecipe, infer_means
from textvae.training.recipe import only_moves

blocks = pytest.mark.parametrize("block_size", [None, 3])


@blocks
def test_every_trainable_parameter_moves(tmp_path: Path, block_size: int | None) -> None:
    trainer = document_trainer(tmp_path, block_size, max_steps=4)
    before = parameters_of(trainer.recipe.modules)
    trainer.fit()
    after = parameters_of(trainer.recipe.modules)
    assert [name for name in after if torch.equal(before[name], after[name])] == []


@pytest.mark.parametrize(("phase", "moved"), [(0, "model"), (1, "table")])
def test_each_phase_moves_its_own_parameters_alone(phase: int, moved: str) -> None:
    recipe = hierarchical_recipe(hierarchical_model(), document_loader())
    batch = document_batch()
    outputs = None
    for number, turn in enumerate(recipe.phases[: phase + 1]):
        with only_moves(recipe.modules, turn.moves):
            outputs = recipe.run(turn, recipe.modules, batch, outputs)
            if number == phase:
                sum(recipe.objectives[name](outputs).sum() for name in turn.terms).backward()
            outputs = recipe.carry(outputs)
    for name, module in recipe.modules.items():
        touched = [p.grad is not None and bool(p.grad.any()) for p in module.parameters()]
        assert all(touched) if name == moved else not any(touched)


@pytest.mark.parametrize(
    ("term", "reached", "untouched"),
    [
        ("J_kl_1", ("sentence_latent", "informed_encoder", "document_latent"), ("decoder", "output")),
        ("J_kl_2", ("document_latent", "sentence_encoder"), ("sentence_latent", "informed_encoder", "decoder")),
        (
            "J_doc",
            ("document_latent.mean", "sentence_encoder"),
            ("sentence_latent", "document_latent.log_var", "decoder"),
        ),
        ("J_rec", ("decoder", "sentence_latent", "document_latent", "informed_encoder"), ()),
    ],
)
def test_gradients_go_where_they_should(term: str, reached: tuple[str, ...], untouched: tuple[str, ...]) -> None:
    """What tells the document must not shape z1; the KL of z1 reaches z2, on which its posterior depends."""
    recipe = hierarchical_recipe(hierarchical_model(), document_loader())
    batch = next(document_loader().epoch(0))
    outputs = recipe.run(recipe.phases[0], recipe.modules, batch, None)
    HIERARCHICAL_OBJECTIVES[term](outputs).sum().backward()
    gradients = {n: p.grad is not None and bool(p.grad.any()) for n, p in recipe.model.named_parameters()}
    for part in reached:
        assert all(found for name, found in gradients.items() if name.startswith(part)), part
    for part in untouched:
        assert not any(found for name, found in gradients.items() if name.startswith(part)), part


def test_both_phases_together_are_one_joint_step() -> None:
    """The gradient of the table in its own phase is that of the whole J, the model's being the same graph."""
    recipe = hierarchical_recipe(hierarchical_model(), document_loader())
    batch = next(document_loader().epoch(0))
    joint = recipe.run(recipe.phases[0], recipe.modules, batch, None)
    loss = sum(recipe.objectives[name](joint).sum() for name in HIERARCHICAL_OBJECTIVES)
    (expected,) = torch.autograd.grad(loss, recipe.table.means)
    own = recipe.run(recipe.phases[1], recipe.modules, batch, recipe.carry(joint))
    terms = sum(recipe.objectives[name](own).sum() for name in recipe.phases[1].terms)
    (found,) = torch.autograd.grad(terms, recipe.table.means)
    assert_close(found, expected, 1e-12)


def test_the_table_is_inferred_anew_for_every_block_and_adam_forgets() -> None:
    loader = document_loader(3)
    recipe = hierarchical_recipe(hierarchical_model().train(), loader)
    optimizer = recipe.table_optimizer
    held = []
    for batch in loader.epoch(0):
        block, fresh = int(batch.block[0]), int(batch.block[0]) != int(recipe.table.block)
        expected = infer_means(recipe.model, loader.reading(block)) if fresh else None
        with only_moves(recipe.modules, "table"):
            outputs = recipe.run(
                recipe.phases[1], recipe.modules, batch, recipe.run(recipe.phases[0], recipe.modules, batch, None)
            )
            assert bool(optimizer.state) != fresh
            if expected is not None:
                assert_close(recipe.table.means[: len(expected)], expected, 1e-12)
                held.append(block)
            sum(recipe.objectives[name](outputs).sum() for name in recipe.phases[1].terms).backward()
            optimizer.step()
            optimizer.zero_grad()
        assert recipe.model.training
    assert held == [0, 1, 2] and int(recipe.table.members) == len(loader.members(2))


def test_the_full_table_is_inferred_once(tmp_path: Path) -> None:
    trainer = document_trainer(tmp_path, None)
    opened: list[int] = []
    recipe = trainer.recipe
    assert isinstance(recipe, HierarchicalRecipe)
    original = recipe.open_block
    recipe.open_block = lambda block: (opened.append(block), original(block))[1]  # type: ignore[method-assign]
    trainer.fit()
    assert opened == [0] and trainer.progress.step == trainer.total_steps > trainer.loader.steps_per_epoch


@blocks
def test_stopped_and_resumed_is_uninterrupted(tmp_path: Path, block_size: int | None) -> None:
    options = {"dropout": 0.2, "dtype": torch.float32}
    whole = document_trainer(tmp_path / "whole", block_size, options, checkpoint_every=2)
    whole.fit()
    crashed = document_trainer(tmp_path / "run", block_size, options, checkpoint_every=2)
    crashed.loader = Interrupted(crashed.loader, 5)  # type: ignore[arg-type]
    with pytest.raises(Crash):
        crashed.fit()
    resumed = document_trainer(tmp_path / "run", block_size, {**options, "seed": 99}, checkpoint_every=2)
    torch.manual_seed(12345)
    checkpoint = resumed.checkpoints.latest()
    assert checkpoint is not None and checkpoint.step == 4
    resumed.restore(checkpoint)
    resumed.fit()
    assert progress_of(resumed) == progress_of(whole)
    assert_same_bits(weights_of(resumed), weights_of(whole))


@blocks
def test_micro_batches_give_the_same_step(tmp_path: Path, block_size: int | None) -> None:
    weights = []
    for accumulation in (1, 3):
        trainer = document_trainer(tmp_path / str(accumulation), block_size, accumulation=accumulation)
        trainer.fit()
        weights.append(parameters_of(trainer.recipe.modules))
    for name, value in weights[0].items():
        assert_close(weights[1][name], value, 1e-6, name)


def test_it_learns(tmp_path: Path) -> None:
    trainer = document_trainer(tmp_path, None, {"dtype": torch.float32}, epochs=60, learning_rate=0.02)
    recipe, batch = trainer.recipe, document_batch()
    assert isinstance(recipe, HierarchicalRecipe)

    def losses() -> dict[str, float]:
        outputs = recipe.run(recipe.phases[0], recipe.modules, batch, None)
        return {name: float(recipe.objectives[name](outputs).detach().mean()) for name in HIERARCHICAL_OBJECTIVES}

    before = losses()
    trainer.fit()
    after = losses()
    assert after["J_rec"] < 0.8 * before["J_rec"] and after["J_doc"] < 0.5 * before["J_doc"]
