"""Who moves, by which terms: no gradient leaks from one phase into the other's module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.laws import (
    DIAGONAL,
    LABELS,
    Labels,
    every_number_of_attributes,
    parameters_of,
    tiny_accelerator,
    tiny_batch,
    tiny_networks,
    tiny_recipe,
    tiny_trainer,
)
from textvae.data.batch import Batch
from textvae.models.adversaries import Adversaries
from textvae.modules.config import MemoryConfig
from textvae.objectives.style_content import OBJECTIVES, Outputs
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import adversary_optimizer, model_optimizer
from textvae.training.recipe import Phase, only_moves
from textvae.training.step import Stepper, Totals, weighted_loss
from textvae.training.style_content import StyleContentRecipe

every_pair = pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
ENCODING = ("embedding.", "sentence_encoder.", "style_latent.", "content_latent.")


def recipe_of(updates: int = 1, **options: object) -> StyleContentRecipe:
    model, adversaries = tiny_networks(**options)  # type: ignore[arg-type]
    return tiny_recipe(model, adversaries, updates=updates)


def labels_of(recipe: StyleContentRecipe) -> Labels:
    """Those of the recipe's model."""
    attributes = recipe.model.attributes
    return attributes.by_name() if len(attributes) > 1 else LABELS


def outputs_for(recipe: StyleContentRecipe, phase: Phase) -> Outputs:
    """The outputs of a phase as a step computes them, earlier phases first."""
    batch, outputs = tiny_batch(labels=labels_of(recipe)), None
    for earlier in recipe.phases:
        with only_moves(recipe.modules, earlier.moves):
            current = recipe.run(earlier, recipe.modules, batch, outputs)
        if earlier == phase:
            return current
        outputs = recipe.carry(current)
    raise AssertionError(phase)


def gradients(recipe: StyleContentRecipe, phase: Phase, terms: tuple[str, ...]) -> dict[str, set[str]]:
    """Module → names of parameters in which the phase's `terms` leave a gradient that is not zero."""
    outputs, totals = outputs_for(recipe, phase), Totals(6, 20)
    with only_moves(recipe.modules, phase.moves):
        # The graph was built while the others were frozen, as in a step.
        loss, _ = weighted_loss(OBJECTIVES, terms, outputs, dict.fromkeys(OBJECTIVES, 1.0), totals, 1)
        loss.backward()
    return {
        name: {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
        for name, module in recipe.modules.items()
    }


def phase_of(recipe: StyleContentRecipe, name: str) -> Phase:
    return next(phase for phase in recipe.phases if phase.name == name)


# ---------------------------------------------------------------------------------------------- the plan
def test_the_phases_share_out_modules_and_terms() -> None:
    recipe = recipe_of()
    assert [phase.moves for phase in recipe.phases] == ["model", "adversaries"]
    assert sorted(recipe.modules) == sorted({phase.moves for phase in recipe.phases})
    terms = [term for phase in recipe.phases for term in phase.terms]
    assert sorted(terms) == sorted(OBJECTIVES)


def test_the_optimizers_share_out_the_parameters(tmp_path: Path) -> None:
    """No parameter in two optimizers and none in none (μ and log σ² heads were forgotten in a released code)."""
    trainer = tiny_trainer(tmp_path)
    groups = {
        name: [id(p) for group in optimizer.param_groups for p in group["params"]]
        for name, optimizer in trainer.optimizers.items()
    }
    everything = [i for ids in groups.values() for i in ids]
    assert len(everything) == len(set(everything))
    for name, module in trainer.recipe.modules.items():
        trainable = {n: id(p) for n, p in module.named_parameters() if p.requires_grad}
        assert set(trainable.values()) == set(groups[name])
        assert len(trainable) == len(list(module.parameters())), "a parameter was born frozen"


def test_the_adversaries_are_no_part_of_the_model() -> None:
    model, adversaries = tiny_networks()
    assert not {id(p) for p in model.parameters()} & {id(p) for p in adversaries.parameters()}
    assert not any(isinstance(module, Adversaries) for module in model.modules())


# ---------------------------------------------------------------------------------------------- gradients
@every_pair
@every_number_of_attributes
def test_j_adv_reaches_the_encoder_and_leaves_nothing_in_the_adversaries(
    encoder: str, decoder: str, labels: Labels
) -> None:
    for term, space in (("J_adv_s", "content_latent."), ("J_adv_c", "style_latent.")):
        recipe = recipe_of(encoder=encoder, decoder=decoder, labels=labels)
        found = gradients(recipe, phase_of(recipe, "vae"), (term,))
        assert found["adversaries"] == set()
        reached = {prefix for prefix in ENCODING if any(n.startswith(prefix) for n in found["model"])}
        assert reached == {"embedding.", "sentence_encoder.", space}


@every_pair
@every_number_of_attributes
def test_j_dis_never_reaches_the_model(encoder: str, decoder: str, labels: Labels) -> None:
    recipe = recipe_of(encoder=encoder, decoder=decoder, labels=labels)
    phase = phase_of(recipe, "dis")
    outputs = outputs_for(recipe, phase)
    for latent in (outputs.model.latents.style, outputs.model.latents.content):
        assert not latent.value.requires_grad and not latent.mean.requires_grad
    found = gradients(recipe, phase, phase.terms)
    assert found["model"] == set()
    assert found["adversaries"] == {n for n, _ in recipe.modules["adversaries"].named_parameters()}


def test_the_adversaries_learn_from_the_latents_of_this_very_batch() -> None:
    recipe = recipe_of()
    first = outputs_for(recipe, phase_of(recipe, "vae"))
    second = recipe.run(phase_of(recipe, "dis"), recipe.modules, first.batch, recipe.carry(first))
    for name in ("style", "content"):
        before, after = (getattr(o.model.latents, name).value for o in (first, second))
        assert torch.equal(before, after) and before.requires_grad
    assert second.batch is first.batch


def test_without_freezing_the_adversaries_would_keep_a_gradient() -> None:
    """What `only_moves` is there for: the law above fails without it."""
    recipe = recipe_of()
    outputs = recipe.run(phase_of(recipe, "vae"), recipe.modules, tiny_batch(), None)
    OBJECTIVES["J_adv_s"](outputs).sum().backward()
    assert any(p.grad is not None for p in recipe.modules["adversaries"].parameters())


# ---------------------------------------------------------------------------------------------- steps
def stepper_of(recipe: StyleContentRecipe) -> Stepper:
    config = TrainingConfig(learning_rate=0.01, adversary_learning_rate=0.01)
    optimizers: dict[str, torch.optim.Optimizer] = {
        "model": model_optimizer(recipe.modules["model"].parameters(), config),
        "adversaries": adversary_optimizer(recipe.modules["adversaries"].parameters(), config),
    }
    return Stepper(tiny_accelerator(), recipe, recipe.modules, optimizers, 5.0)


def update(stepper: Stepper, phase: Phase, batch: Batch) -> None:
    """One update of one phase, on what the phases before it have computed (without moving anything)."""
    recipe = stepper.recipe
    first = recipe.phases[0]
    previous = None if phase == first else recipe.carry(recipe.run(first, recipe.modules, batch, None))
    totals = Totals(len(batch), batch.num_tokens)
    with only_moves(recipe.modules, phase.moves):
        stepper.update(phase, [batch], [previous], dict.fromkeys(OBJECTIVES, 1.0), totals)


def moved(recipe: StyleContentRecipe, phase: Phase) -> dict[str, set[str]]:
    """Module → names of parameters that three updates of a phase changed."""
    stepper, before = stepper_of(recipe), parameters_of(recipe.modules)
    for seed in range(3):
        update(stepper, phase, replace(tiny_batch(12, seed, labels=labels_of(recipe)), key=None))
    after = parameters_of(recipe.modules)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    return {m: {n.split(".", 1)[1] for n in changed if n.startswith(f"{m}.")} for m in recipe.modules}


def need_not_move(model: nn.Module) -> set[str]:
    """With one row of memory the attention over it is constant: its queries (and their norm) get rounding at most."""
    names = {n for n, _ in model.named_parameters()}
    return {n for n in names if n.startswith("decoder.") and (".memory.query." in n or ".norm_memory." in n)}


@every_pair
@every_number_of_attributes
@pytest.mark.parametrize("name", ["vae", "dis"])
def test_each_phase_moves_exactly_its_parameters(encoder: str, decoder: str, labels: Labels, name: str) -> None:
    recipe = recipe_of(encoder=encoder, decoder=decoder, labels=labels)
    phase = phase_of(recipe, name)
    expected = {m: {n for n, _ in module.named_parameters()} for m, module in recipe.modules.items()}
    expected = {m: names if m == phase.moves else set() for m, names in expected.items()}
    found, excused = moved(recipe, phase), need_not_move(recipe.modules["model"])
    found["model"] |= excused & expected["model"]
    assert found == expected
    kept = [n for m in recipe.modules.values() for n, p in m.named_parameters() if p.grad is not None]
    assert kept == [], "a gradient is left that the next phase would consume"


def test_the_adversaries_take_as_many_updates_as_asked() -> None:
    counts = []
    for updates in (1, 3):
        recipe = recipe_of(updates)
        stepper = stepper_of(recipe)
        batch = tiny_batch()
        stepper.step([batch], dict.fromkeys(OBJECTIVES, 1.0), Totals(6, batch.num_tokens))
        state = stepper.optimizers["adversaries"].state
        counts.append({float(slots["step"]) for slots in state.values()})
        assert {float(slots["step"]) for slots in stepper.optimizers["model"].state.values()} == {1.0}
    assert counts == [{1.0}, {3.0}]


def test_adversaries_that_train_win_against_a_model_that_stands_still() -> None:
    recipe = recipe_of(updates=20)
    stepper, losses = stepper_of(recipe), []
    for group in stepper.optimizers["model"].param_groups:
        group["lr"] = 0.0
    batch = tiny_batch()
    for _ in range(10):
        logs = stepper.step([batch], dict.fromkeys(OBJECTIVES, 1.0), Totals(6, batch.num_tokens))
        losses.append(float(logs["dis/J_dis_s"]))
    assert losses[-1] < 0.5 * losses[0]


# ---------------------------------------------------------------------------------------------- freezing
def test_only_moves_freezes_the_others_and_thaws_them() -> None:
    modules: dict[str, nn.Module] = {"a": nn.Linear(2, 2), "b": nn.Linear(2, 2), "c": nn.Linear(2, 2)}
    for name in modules:
        with only_moves(modules, name):
            for other, module in modules.items():
                assert all(p.requires_grad == (other == name) for p in module.parameters())
        assert all(p.requires_grad for module in modules.values() for p in module.parameters())


def test_only_moves_thaws_after_an_error() -> None:
    modules: dict[str, nn.Module] = {"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)}
    with pytest.raises(RuntimeError), only_moves(modules, "a"):
        raise RuntimeError
    assert all(p.requires_grad for module in modules.values() for p in module.parameters())


def test_only_moves_leaves_what_was_frozen_before() -> None:
    modules: dict[str, nn.Module] = {"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)}
    modules["b"].weight.requires_grad_(False)  # type: ignore[union-attr, operator]
    with only_moves(modules, "a"):
        pass
    assert [p.requires_grad for p in modules["b"].parameters()] == [False, True]


# ---------------------------------------------------------------------------------------------- memories
def memory_recipe(scrub: bool = True) -> StyleContentRecipe:
    return recipe_of(memory=MemoryConfig("full", scrub=scrub))


def recipe_gradients(recipe: StyleContentRecipe, phase: str, term: str) -> dict[str, set[str]]:
    """Module → names of parameters that a term of the memory moves."""
    found, totals = phase_of(recipe, phase), Totals(6, 20)
    with only_moves(recipe.modules, found.moves):
        outputs = outputs_for(recipe, found)
        weighted_loss(recipe.objectives, (term,), outputs, {term: 1.0}, totals, 1)[0].backward()
    return {
        name: {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
        for name, module in recipe.modules.items()
    }


def test_the_scrubbing_classifier_does_not_move_what_it_reads() -> None:
    found = recipe_gradients(memory_recipe(), "vae", "J_mul_m")
    assert found["adversaries"] == set()
    assert found["model"] and all(n.startswith("sentence_memory.style_attention.") for n in found["model"])


def test_the_memorys_adversary_is_felt_by_the_encoder_and_moved_by_its_own_loss_only() -> None:
    felt = recipe_gradients(memory_recipe(), "vae", "J_adv_m")
    assert felt["adversaries"] == set()
    assert {"embedding.weight", "sentence_memory.project.weight"} <= felt["model"]
    assert not any(n.startswith(("decoder.", "content_latent.")) for n in felt["model"])
    moved = recipe_gradients(memory_recipe(), "dis", "J_dis_m")
    assert moved["model"] == set()
    assert moved["adversaries"] and all(n.startswith("style_from_memory.") for n in moved["adversaries"])


def test_a_memory_brings_its_terms() -> None:
    plain, kept, scrubbed = recipe_of(), memory_recipe(scrub=False), memory_recipe()
    terms = [{t for phase in r.phases for t in phase.terms} for r in (plain, kept, scrubbed)]
    assert terms[0] == set(OBJECTIVES)
    assert terms[1] - terms[0] == {"J_adv_m", "J_dis_m"} and terms[2] - terms[1] == {"J_mul_m"}
