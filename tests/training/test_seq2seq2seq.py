"""The summarizer's phases: who moves, what reaches whom, and that nothing depends on how a run is cut up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.laws import Crash, Interrupted, assert_close, assert_same_bits, parameters_of, weights_of
from textvae.errors import UserError
from textvae.modules.roll_out import roll_out
from textvae.modules.seq2seq import ANY_LENGTH
from textvae.objectives.summarization import OBJECTIVES
from textvae.tokenization.config import SPECIAL
from textvae.training.config import AdversarialConfig, StageConfig
from textvae.training.recipe import only_moves
from textvae.training.seq2seq2seq import STAGES, TERMS
from textvae.training.step import Totals, weighted_loss

from .summaries import ESTIMATORS, LONGEST_TEXT, TinyLoader, moved, tiny_batch, tiny_recipe, tiny_trainer

every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)


# ---------------------------------------------------------------------------------------------- the plan
def test_every_objective_is_descended_by_some_phase_and_every_phase_is_in_a_stage() -> None:
    assert {term for _, terms in TERMS.values() for term in terms} == set(OBJECTIVES)
    assert {phase for phases in STAGES.values() for phase in phases} == set(TERMS)
    assert {module for module, _ in TERMS.values()} == set(tiny_recipe().modules)


def test_stages_follow_each_other() -> None:
    recipe = tiny_recipe()
    assert recipe.steps == 8
    names = [[phase.name for phase in recipe.phases_at(step)] for step in range(8)]
    assert names == [list(STAGES[stage.name]) for stage in recipe.stages for _ in range(2)]
    assert recipe.first_step_of("reconstructor") == 2 and recipe.first_step_of("critic") == 6


def test_a_stage_has_its_own_rate_for_generator_and_reconstructor() -> None:
    recipe = tiny_recipe()
    recipe.stages = [StageConfig("adversarial", 3, rate=0.1)]
    rates = {phase.name: phase.rate for phase in recipe.phases_at(0)}
    assert rates == {"critic": 1.0, "denoise": 0.1, "reader": 0.1, "generator": 0.1}


def test_a_stage_says_itself_whether_documents_are_drawn() -> None:
    recipe, batch = tiny_recipe(), tiny_batch()
    recipe.stages = [StageConfig("back_translation", 1, sampled=False), StageConfig("back_translation", 1)]

    def losses(step: int, seed: int) -> torch.Tensor:
        phase = next(p for p in recipe.phases_at(step) if p.name == "back")
        key = tiny_batch(seed=seed).key
        return recipe.run(phase, recipe.modules, replace(batch, key=key), None).values["J_back"]

    assert torch.equal(losses(0, seed=1), losses(0, seed=2)), "the likeliest documents are always the same"
    assert not torch.equal(losses(1, seed=1), losses(1, seed=2))
    assert torch.equal(losses(1, seed=1), losses(1, seed=1))


def test_some_texts_are_written_without_a_length() -> None:
    recipe, batch = tiny_recipe(), tiny_batch()
    assert recipe.asked(batch) is batch.texts
    recipe.generator.config.length_dropout = 0.5
    asked = recipe.asked(batch).lengths
    told = asked != ANY_LENGTH
    assert 0 < told.sum() < len(batch) and torch.equal(asked[told], batch.texts.lengths[told])
    parts = [recipe.asked(batch.rows(*rows)).lengths for rows in ((0, 2), (2, 6))]
    assert torch.equal(torch.cat(parts), asked), "whatever the split"
    losses = [recipe.run_denoise(recipe.generator, batch)["J_denoise"]]
    recipe.generator.config.length_dropout = 0.0
    losses.append(recipe.run_denoise(recipe.generator, batch)["J_denoise"])
    assert torch.equal(losses[0] == losses[1], told)


def test_reinforce_needs_a_critic_of_prefixes() -> None:
    with pytest.raises(UserError, match="recurrent"):
        AdversarialConfig(estimator="reinforce")


# ---------------------------------------------------------------------------------------------- gradients
@every_estimator
@pytest.mark.parametrize("phase", sorted(TERMS))
def test_a_phase_leaves_gradients_in_its_module_alone_and_in_all_of_it(phase: str, estimator: str) -> None:
    recipe = tiny_recipe(estimator)
    chosen = next(p for p in recipe.phases if p.name == phase)
    with only_moves(recipe.modules, chosen.moves):
        outputs = recipe.run(chosen, recipe.modules, tiny_batch(), None)
        loss, _ = weighted_loss(OBJECTIVES, chosen.terms, outputs, dict.fromkeys(OBJECTIVES, 1.0), Totals(6, 1), 1)
        loss.backward()
    for name, module in recipe.modules.items():
        without = {n for n, p in module.named_parameters() if p.grad is None}
        assert len(without) == (0 if name == chosen.moves else len(list(module.parameters()))), (name, without)


@pytest.mark.parametrize("estimator", ["soft", "straight_through"])
@pytest.mark.parametrize("term", ["J_gen", "J_rec_g", "J_topic", "J_len", "J_lm", "J_cov"])
def test_each_term_reaches_the_generator(estimator: str, term: str) -> None:
    recipe = tiny_recipe(estimator)
    values = recipe.run_generator(recipe.generator, tiny_batch())
    values[term].sum().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in recipe.generator.parameters())


def test_reinforce_feels_its_rewards_through_j_pg_alone() -> None:
    recipe = tiny_recipe("reinforce")
    values = recipe.run_generator(recipe.generator, tiny_batch())
    assert not values["J_gen"].requires_grad and not values["J_rec_g"].requires_grad
    values["J_pg"].sum().backward()
    assert any(bool(p.grad.any()) for p in recipe.generator.parameters() if p.grad is not None)


@every_estimator
def test_a_whole_run_moves_every_module_in_its_stage(tmp_path: Path, estimator: str) -> None:
    trainer = tiny_trainer(tmp_path, estimator=estimator, training={"max_steps": 8})
    seen: list[set[str]] = []
    step = trainer.stepper.step

    def watched(*arguments):  # type: ignore[no-untyped-def]
        before = parameters_of(trainer.recipe.modules)
        logs = step(*arguments)
        seen.append(moved(before, parameters_of(trainer.recipe.modules)))
        return logs

    object.__setattr__(trainer.stepper, "step", watched)
    assert trainer.fit().progress.step == 8
    assert seen[0] == {"language_model", "generator"} and seen[2] == {"reconstructor"}
    assert seen[4] == {"generator", "reconstructor"} and seen[6] == {"critic", "generator", "reconstructor"}


# ---------------------------------------------------------------------------------------------- how a run is cut up
@every_estimator
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, estimator: str) -> None:
    options = {"estimator": estimator, "dropout": 0.2, "dtype": torch.float32}
    training = {"checkpoint_every": 1}
    whole = tiny_trainer(tmp_path / "whole", training=training, **options)
    whole.fit()
    crashed = tiny_trainer(tmp_path / "run", loader=Interrupted(TinyLoader(), 7), training=training, **options)  # type: ignore[arg-type]
    with pytest.raises(Crash):
        crashed.fit()
    resumed = tiny_trainer(tmp_path / "run", training=training, **options)
    checkpoint = resumed.checkpoints.latest()
    assert checkpoint is not None and checkpoint.step == 7
    resumed.restore(checkpoint)
    resumed.fit()
    assert_same_bits(weights_of(resumed), weights_of(whole))


@pytest.mark.parametrize("estimator", ["soft", "straight_through"])
def test_accumulation_does_not_change_a_run(tmp_path: Path, estimator: str) -> None:
    """Not so for reinforce: the paper's baseline is a mean over the rows at hand, here those of a micro-batch."""
    one, many = (tiny_trainer(tmp_path / str(n), estimator=estimator, training={"accumulation": n}) for n in (1, 3))
    one.fit(), many.fit()
    expected, found = weights_of(one), weights_of(many)
    for name, value in expected.items():
        assert_close(found[name], value, 1e-6, name)


# ---------------------------------------------------------------------------------------------- free-running text
@pytest.mark.parametrize("kind", ["gru", "lstm", "transformer"])
@pytest.mark.parametrize("sample", [False, True])
def test_rolled_out_texts_are_closed_and_hold_no_forbidden_word(kind: str, sample: bool) -> None:
    recipe, batch = tiny_recipe(kind=kind), tiny_batch()
    memory = recipe.generator.read(batch.documents.ids, batch.documents.mask)
    ids = roll_out(recipe.generator, memory, batch.texts.lengths, LONGEST_TEXT, batch.key if sample else None)
    ends = (ids == SPECIAL.eos).sum(1)
    assert bool((ends == 1).all()) and ids.shape[1] <= LONGEST_TEXT + 1
    after = (ids == SPECIAL.eos).long().cumsum(1) - (ids == SPECIAL.eos).long()
    assert torch.equal(ids == SPECIAL.pad, after.bool())
    assert not torch.isin(ids, torch.tensor([SPECIAL.bos, SPECIAL.mask])).any() and not (ids[:, 0] == SPECIAL.eos).any()
    assert recipe.generator.training


def test_samples_belong_to_their_rows_and_to_the_step() -> None:
    recipe, batch = tiny_recipe(), tiny_batch()
    whole = recipe.summarise(batch, batch.key)
    parts = [recipe.summarise(part, part.key) for part in (batch.rows(0, 2), batch.rows(2, 6))]
    for rows, part in zip((whole[:2], whole[2:]), parts, strict=True):
        assert torch.equal(rows[:, : part.shape[1]], part)
    assert not torch.equal(whole, recipe.summarise(batch, tiny_batch(seed=1).key)[:, : whole.shape[1]])


def test_the_sampled_words_are_the_likeliest_of_the_points_that_carry_their_gradient() -> None:
    """Straight-through: one noise for the sample and for the soft point under it."""
    recipe, batch = tiny_recipe("straight_through"), tiny_batch()
    summary = recipe.summarise(batch, batch.key)
    _, written = recipe.reread(recipe.generator, batch, summary)
    points = recipe.points(recipe.generator.log_probs(written), summary, batch.key)
    free = summary != SPECIAL.pad
    free[:, 0] = False  # at the first word </s> was forbidden, at the last it was forced
    free[:, LONGEST_TEXT:] = False
    forbidden = torch.isin(points.argmax(-1), torch.tensor([SPECIAL.pad, SPECIAL.bos, SPECIAL.mask]))
    kept = free & ~forbidden
    assert kept.any() and torch.equal(points.argmax(-1)[kept], summary[kept])
