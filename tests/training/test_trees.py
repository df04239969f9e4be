"""The recipe of grammars: who moves, resuming, micro-batches, and that it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.laws import Crash, Interrupted, assert_close, assert_same_bits, progress_of, tiny_batch, weights_of
from tests.tree_laws import every_grammar, tree_model, tree_trainer
from textvae.extras.trees.config import TreeObjectives
from textvae.extras.trees.objectives import TREE_OBJECTIVES, TreeOutputs, tree_reconstruction
from textvae.extras.trees.recipe import TreeRecipe
from textvae.training.step import Totals, weighted_loss


def test_every_objective_has_a_weight_and_a_function() -> None:
    assert set(TREE_OBJECTIVES) == set(TreeObjectives.__dataclass_fields__)
    assert tree_reconstruction(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_only_a_grammar_with_z_pays_for_it() -> None:
    for kind, terms in (("neural", ("J_rec",)), ("compound", ("J_rec", "J_kl"))):
        (phase,) = TreeRecipe(tree_model(kind), TreeObjectives()).phases
        assert phase.terms == terms


@every_grammar
def test_every_parameter_moves(tmp_path: Path, kind: str, encoder: str) -> None:
    trainer = tree_trainer(tmp_path, {"kind": kind, "encoder": encoder}, max_steps=4)
    model = trainer.recipe.modules["model"]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trainer.fit()
    assert [name for name, p in model.named_parameters() if torch.equal(before[name], p)] == []


@every_grammar
def test_stopped_and_resumed_is_uninterrupted(tmp_path: Path, kind: str, encoder: str) -> None:
    options = {"kind": kind, "encoder": encoder, "dtype": torch.float32}
    whole = tree_trainer(tmp_path / "whole", options, checkpoint_every=2)
    whole.fit()
    crashed = tree_trainer(tmp_path / "run", options, checkpoint_every=2)
    crashed.loader = Interrupted(crashed.loader, 5)  # type: ignore[arg-type]
    with pytest.raises(Crash):
        crashed.fit()
    resumed = tree_trainer(tmp_path / "run", {**options, "seed": 99}, checkpoint_every=2)
    checkpoint = resumed.checkpoints.latest()
    assert checkpoint is not None and checkpoint.step == 4
    resumed.restore(checkpoint)
    resumed.fit()
    assert progress_of(resumed) == progress_of(whole)
    assert_same_bits(weights_of(resumed), weights_of(whole))


@every_grammar
def test_micro_batches_give_the_same_step(tmp_path: Path, kind: str, encoder: str) -> None:
    weights = []
    for parts in (1, 4):
        trainer = tree_trainer(tmp_path / str(parts), {"kind": kind, "encoder": encoder}, accumulation=parts)
        trainer.fit()
        weights.append(trainer.recipe.modules["model"].state_dict())
    for name, value in weights[0].items():
        assert_close(weights[1][name], value, 1e-6, name)


@every_grammar
def test_it_overfits_one_batch(kind: str, encoder: str) -> None:
    model, batch = tree_model(kind, encoder, dtype=torch.float32).train(), tiny_batch()
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.02), []
    for _ in range(80):
        loss = model(batch=batch).nll.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_weights_of_one_descend_the_evidence_lower_bound() -> None:
    """J_rec + J_kl, and both are means over sentences."""
    model, batch = tree_model(), tiny_batch()
    outputs = TreeOutputs(batch, model(batch=batch))
    totals = Totals(len(batch), batch.num_tokens)
    loss, _ = weighted_loss(TREE_OBJECTIVES, ("J_rec", "J_kl"), outputs, {"J_rec": 1.0, "J_kl": 1.0}, totals, 1)
    assert outputs.model.latent is not None
    assert_close(loss, (outputs.model.nll + outputs.model.latent.penalty).mean(), 1e-12)
