"""Adversarial priors of the style-content autoencoder: who moves, what reaches whom, and what z is drawn to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from tests.laws import (
    LABELS,
    Labels,
    assert_close,
    assert_same_bits,
    every_number_of_attributes,
    parameters_of,
    progress_of,
    resumed_after_a_crash,
    tiny_batch,
    tiny_config,
    tiny_networks,
    tiny_recipe,
    tiny_trainer,
    tiny_transfer,
    transfer_objectives,
    weights_of,
)
from textvae.data.batch import Batch
from textvae.models.adversaries import Adversaries
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.config import LatentConfig
from textvae.objectives.config import GeneratorLossName
from textvae.objectives.style_content import PRIOR_OBJECTIVES, Outputs
from textvae.training.config import PriorGameConfig
from textvae.training.recipe import Phase, only_moves
from textvae.training.step import Totals
from textvae.training.style_content import StyleContentRecipe

LOSSES = get_args(GeneratorLossName)
SPACES = [("style", "_s", "style_latent"), ("content", "_c", "content_latent")]
every_space = pytest.mark.parametrize(("name", "space", "part"), SPACES)
every_loss = pytest.mark.parametrize("loss", LOSSES)


def game(loss: str = "wasserstein", labels: Labels = LABELS, **options: Any) -> StyleContentRecipe:
    model, adversaries = tiny_networks(latent="adversarial", labels=labels, **options)
    config = PriorGameConfig(loss=loss, hidden=7, updates=2)  # type: ignore[arg-type]
    return tiny_recipe(model, adversaries, game=config)


def of_one_space(name: str) -> StyleContentRecipe:
    """An adversarial prior of one space beside a Gaussian one."""
    config = tiny_config()
    setattr(config, f"{name}_space", {**getattr(config, f"{name}_space"), "kind": "adversarial"})
    torch.manual_seed(0)
    model = StyleContentVAE(config).double().train()
    adversaries = Adversaries(model.style_latent.size, model.content_latent.size, len(LABELS), config.bag_size)
    return tiny_recipe(model, adversaries.double())


def play(recipe: StyleContentRecipe, batch: Batch, until: str) -> Outputs:
    """The phases of a step up to one of them, which is not carried on."""
    outputs: Outputs | None = None
    for phase in recipe.phases:
        with only_moves(recipe.modules, phase.moves):
            found = recipe.run(phase, recipe.modules, batch, outputs)
        if phase.name == until:
            return found
        outputs = recipe.carry(found)
    raise AssertionError(until)


def touched(recipe: StyleContentRecipe) -> dict[str, set[str]]:
    """Module → names of the parameters with a gradient."""
    named = {m: module.named_parameters() for m, module in recipe.modules.items()}
    return {m: {n for n, p in found if p.grad is not None and p.grad.any()} for m, found in named.items()}


# ---------------------------------------------------------------------------------------------- the plan
@every_loss
def test_every_space_has_its_critic_its_phase_and_its_terms(loss: str) -> None:
    recipe = game(loss)
    assert [p.moves for p in recipe.phases] == ["model", "adversaries", "prior_critic_s", "prior_critic_c"]
    assert recipe.phases[0].terms[-2:] == ("J_gen_s", "J_gen_c")
    for phase, (_, space, _) in zip(recipe.phases[2:], SPACES, strict=True):
        penalty = (f"J_gp{space}",) if loss == "wasserstein" else ()
        assert phase == Phase(f"critic{space}", f"prior_critic{space}", (f"J_critic{space}", *penalty), updates=2)
    assert recipe.modules["prior_critic_s"] is not recipe.modules["prior_critic_c"]


@every_space
def test_the_other_space_may_be_of_another_kind(name: str, space: str, part: str) -> None:
    recipe = of_one_space(name)
    assert [p.name for p in recipe.phases] == ["vae", "dis", f"critic{space}"]
    assert set(PRIOR_OBJECTIVES) & set(recipe.phases[0].terms) == {f"J_gen{space}"}
    assert play(recipe, tiny_batch(), f"critic{space}").games.keys() == {space}
    model, adversaries = tiny_networks()
    assert [p.name for p in tiny_recipe(model, adversaries).phases] == ["vae", "dis"]


# ---------------------------------------------------------------------------------------------- gradients
@every_space
@every_loss
@every_number_of_attributes
def test_the_generators_loss_reaches_its_own_space_through_a_frozen_critic(
    name: str, space: str, part: str, loss: str, labels: Labels
) -> None:
    recipe = game(loss, labels)
    with only_moves(recipe.modules, "model"):
        outputs = recipe.run(recipe.phases[0], recipe.modules, tiny_batch(labels=labels), None)
        PRIOR_OBJECTIVES[f"J_gen{space}"](outputs).sum().backward()
    found = touched(recipe)
    assert {n.split(".")[0] for n in found.pop("model")} == {"embedding", "sentence_encoder", part}
    assert set().union(*found.values()) == set()


@every_space
@every_loss
@every_number_of_attributes
def test_a_critics_own_loss_never_reaches_the_model_nor_another_critic(
    name: str, space: str, part: str, loss: str, labels: Labels
) -> None:
    recipe = game(loss, labels)
    phase = next(p for p in recipe.phases if p.name == f"critic{space}")
    with only_moves(recipe.modules, phase.moves):
        outputs = play(recipe, tiny_batch(labels=labels), phase.name)
        assert not getattr(outputs.model.latents, name).value.requires_grad
        sum(PRIOR_OBJECTIVES[term](outputs).sum() for term in phase.terms).backward()  # type: ignore[union-attr]
    found = touched(recipe)
    assert "layers.0.weight" in found.pop(phase.moves)
    assert set().union(*found.values()) == set()


@every_loss
def test_each_phase_moves_exactly_its_module(tmp_path: Path, loss: str) -> None:
    trainer = tiny_trainer(tmp_path, networks={"latent": "adversarial"})
    recipe: StyleContentRecipe = trainer.recipe  # type: ignore[assignment]
    recipe.critics.loss = loss  # type: ignore[assignment]
    batch, outputs = tiny_batch(8), [None]
    totals, weights = Totals(8, batch.num_tokens), recipe.weights(0)
    for phase in recipe.phases:
        before = parameters_of(recipe.modules)
        with only_moves(recipe.modules, phase.moves):
            _, outputs = trainer.stepper.update(phase, [batch], outputs, weights, totals)  # type: ignore[assignment]
        after = parameters_of(recipe.modules)
        changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
        assert changed == {phase.moves}
        assert [n for m in recipe.modules.values() for n, p in m.named_parameters() if p.grad is not None] == []


# ---------------------------------------------------------------------------------------------- the draws
def test_both_critics_see_their_own_priors_and_new_draws_in_every_update() -> None:
    recipe, batch = game(prior="class_conditional"), tiny_batch()
    seen: dict[str, list[Tensor]] = {"_s": [], "_c": []}
    latents = play(recipe, batch, "vae").model.latents
    for name, space, _ in SPACES:
        found, z = recipe.games[name], getattr(latents, name).value
        for number in (1, 2):
            look = lambda real, fake, eps, space=space: seen[space].append(torch.cat((real, eps), 1))  # noqa: E731
            found.play(look, z, batch.style, batch.key, number)  # type: ignore[arg-type]
    for draws in seen.values():
        assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(seen["_s"][0][:, -1], seen["_c"][0][:, -1]), "two spaces do not share their places"
    with torch.no_grad():
        recipe.model.style_latent.prior_means += 10.0
    key = batch.key
    found, z = recipe.games["style"], latents.style.value
    shifted: list[Tensor] = []
    found.play(lambda real, fake, eps: shifted.append(real), z, batch.style, key, 1)  # type: ignore[arg-type, return-value]
    assert_close(shifted[0], seen["_s"][0][:, :-1] + 10.0, 1e-9)


# ---------------------------------------------------------------------------------------------- training
@pytest.mark.parametrize("transfers", [False, True])
def test_stopped_and_resumed_is_uninterrupted(tmp_path: Path, transfers: bool) -> None:
    networks = {"latent": "adversarial", "dropout": 0.2, "dtype": torch.float32}
    options: dict[str, Any] = {"checkpoint_every": 2, "accumulation": 2, "adversary_updates": 2}
    if transfers:
        options |= {"transfer": tiny_transfer(), "objectives": transfer_objectives()}
    whole = tiny_trainer(tmp_path / "whole", networks=networks, **options)
    whole.fit()
    resumed, checkpoint = resumed_after_a_crash(tmp_path / "run", 5, networks, **options)
    assert {"prior_critic_s", "prior_critic_c.optimizer"} <= set(checkpoint.tensors)
    assert progress_of(resumed) == progress_of(whole)
    assert_same_bits(weights_of(resumed), weights_of(whole))


def test_transfers_are_learnt_beside_the_game(tmp_path: Path) -> None:
    objectives = transfer_objectives()
    trainer = tiny_trainer(
        tmp_path, networks={"latent": "adversarial"}, objectives=objectives, transfer=tiny_transfer()
    )
    assert [p.name for p in trainer.recipe.phases_at(1)] == ["vae", "dis", "critic_s", "critic_c", "dis_x"]
    rates = {name: o.param_groups[0]["betas"] for name, o in trainer.optimizers.items() if name.startswith("prior")}
    assert rates == {"prior_critic_s": (0.5, 0.9), "prior_critic_c": (0.5, 0.9)}
    batch = tiny_batch(8)
    logs = trainer.stepper.step([batch], objectives.at(1), Totals(8, batch.num_tokens), 1)
    assert {"vae/J_gen_c", "vae/J_cycle", "critic_c/J_gp_c", "dis_x/J_dis_x"} <= set(logs)


@pytest.mark.parametrize("loss", ["wasserstein", "non_saturating"])
def test_the_content_is_drawn_to_its_prior(tmp_path: Path, loss: str) -> None:
    """Means far from the prior come nearer, by J_gen alone."""
    trainer = tiny_trainer(tmp_path, networks={"latent": "adversarial"}, epochs=40, learning_rate=0.003)
    recipe: StyleContentRecipe = trainer.recipe  # type: ignore[assignment]
    recipe.critics = replace(recipe.critics, loss=loss)  # type: ignore[arg-type]
    for name, weight in vars(recipe.config).items():
        if name.startswith("J_"):
            weight.weight = {"J_gen_c": 5.0, "J_critic_c": 1.0, "J_gp_c": 10.0, "J_rec": 1.0}.get(name, 0.0)
    for group in trainer.optimizers["prior_critic_c"].param_groups:
        group["lr"] = 0.01
    trainer.peak_rates["prior_critic_c"] = 0.01
    batch = tiny_batch(27)
    with torch.no_grad():
        recipe.model.content_latent.mean.bias.fill_(3.0)
        before = recipe.model.encode(batch.input_ids, batch.attention_mask).content.value.mean(0).norm()
    trainer.fit()
    with torch.no_grad():
        after = recipe.model.encode(batch.input_ids, batch.attention_mask).content.value.mean(0).norm()
    assert float(after) < 0.5 * float(before)


def test_the_configuration_allows_it() -> None:
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.models.configuration import ModelConfig

    found = ExperimentConfig(model=ModelConfig(content=LatentConfig(kind="adversarial")))
    assert found.adversarial.loss == "wasserstein"
