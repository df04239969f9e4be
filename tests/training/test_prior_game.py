"""The adversarial prior: who moves in which phase, what reaches whom, and that it draws z to the prior."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch

from tests.laws import assert_close, tiny_batch
from tests.sentence_laws import SIZE, sentence_model, sentence_objectives, sentence_trainer
from textvae.modules.noise import NoiseKey
from textvae.objectives.config import GeneratorLossName
from textvae.objectives.sentence_vae import SENTENCE_OBJECTIVES
from textvae.training.config import PriorGameConfig
from textvae.training.prior_game import PriorCritic
from textvae.training.recipe import only_moves
from textvae.training.sentence_vae import SentenceRecipe

LOSSES = get_args(GeneratorLossName)


def game(loss: str = "wasserstein") -> SentenceRecipe:
    model = sentence_model(latent="adversarial").train()
    recipe = SentenceRecipe(model, sentence_objectives(), PriorGameConfig(loss=loss, hidden=7))  # type: ignore[arg-type]
    recipe.modules["prior_critic"].double()
    return recipe


@pytest.mark.parametrize("loss", LOSSES)
def test_each_phase_moves_its_own_module_alone(loss: str) -> None:
    recipe, batch = game(loss), tiny_batch()
    vae, critic = recipe.phases
    assert (vae.moves, critic.moves, critic.updates) == ("model", "prior_critic", 5)
    assert ("J_gp" in critic.terms) == (loss == "wasserstein")
    outputs = None
    for phase in (vae, critic):
        with only_moves(recipe.modules, phase.moves):
            found = recipe.run(phase, recipe.modules, batch, outputs)
            sum(SENTENCE_OBJECTIVES[name](found).sum() for name in phase.terms).backward()  # type: ignore[union-attr]
        outputs = recipe.carry(found)
        with_gradient = {m for m, module in recipe.modules.items() for p in module.parameters() if p.grad is not None}
        assert with_gradient == {phase.moves}
        recipe.modules[phase.moves].zero_grad()


def test_the_generators_loss_reaches_the_encoder_through_the_critic() -> None:
    recipe = game()
    found = recipe.run(recipe.phases[0], recipe.modules, tiny_batch(), None)
    SENTENCE_OBJECTIVES["J_gen"](found).sum().backward()
    model = recipe.model
    assert model.latent.mean.weight.grad is not None and model.latent.mean.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.decoder.parameters())


def test_draws_of_the_prior_differ_by_update_and_not_by_split() -> None:
    recipe, z = game(), torch.zeros(6, SIZE, dtype=torch.float64)
    assert recipe.game is not None
    label, key, seen = torch.zeros(6, dtype=torch.long), NoiseKey(3, 0, 6), []

    def look(real: torch.Tensor, fake: torch.Tensor, eps: torch.Tensor) -> object:
        seen.append(torch.cat((real, eps), dim=1))
        return None

    for number in (1, 2):
        recipe.game.play(look, z, label, key, number)  # type: ignore[arg-type]
    for start, stop in ((0, 2), (2, 6)):
        recipe.game.play(look, z[start:stop], label[start:stop], key.part(start), 1)  # type: ignore[arg-type]
    assert not torch.equal(seen[0], seen[1])
    assert_close(torch.cat(seen[2:]), seen[0], 1e-12)


def test_the_penalty_of_a_linear_critic_in_closed_form() -> None:
    """Slopes all positive, so that the critic is linear there: (‖w‖ − 1)²."""
    critic = PriorCritic(3, 4).double()
    with torch.no_grad():
        for layer in critic.layers:
            if isinstance(layer, torch.nn.Linear):
                layer.weight.abs_()
                layer.bias.fill_(50.0)
    weights = [layer.weight for layer in critic.layers if isinstance(layer, torch.nn.Linear)]
    slope = (weights[2] @ weights[1] @ weights[0]).norm()
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = critic(z, z.flip(0), torch.full((5, 1), 0.3, dtype=torch.float64))
    assert_close(found.penalty, ((slope - 1) ** 2).expand(5), 1e-9)


def test_the_encoder_is_drawn_to_the_prior(tmp_path: Path) -> None:
    """Latents far from the prior come nearer: their mean goes towards 0."""
    quick = PriorGameConfig(hidden=16, updates=5, learning_rate=0.01)
    trainer = sentence_trainer(tmp_path, {"latent": "adversarial"}, quick, epochs=50, learning_rate=0.003)
    model = trainer.recipe.modules["model"]
    recipe: SentenceRecipe = trainer.recipe  # type: ignore[assignment]
    recipe.config.J_kl.weight, recipe.config.J_bow.weight, recipe.config.J_gen.weight = 0.0, 0.0, 5.0
    recipe.config.J_gp.weight = 10.0
    with torch.no_grad():
        model.latent.mean.bias.fill_(3.0)  # type: ignore[union-attr]
    batch = tiny_batch(27)
    before = model.encode(batch.input_ids, batch.attention_mask).value.detach().mean(0).norm()  # type: ignore[operator]
    trainer.fit()
    after = model.encode(batch.input_ids, batch.attention_mask).value.detach().mean(0).norm()  # type: ignore[operator]
    assert float(after) < 0.5 * float(before)
