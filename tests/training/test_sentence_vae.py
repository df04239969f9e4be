"""The recipe of the sentence autoencoder: who moves, resuming, micro-batches, and that it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.laws import Crash, Interrupted, assert_close, assert_same_bits, progress_of, tiny_batch, weights_of
from tests.sentence_laws import KINDS, sentence_model, sentence_objectives, sentence_trainer
from textvae.objectives.config import SentenceObjectives
from textvae.objectives.sentence_vae import SENTENCE_OBJECTIVES, SentenceOutputs, bag_of_words, sentence_reconstruction
from textvae.training.sentence_vae import SentenceRecipe
from textvae.training.step import Totals

every_latent = pytest.mark.parametrize(("latent", "prior"), KINDS)


def test_every_objective_has_a_weight_and_a_function() -> None:
    assert set(SENTENCE_OBJECTIVES) == set(SentenceObjectives.__dataclass_fields__)


@every_latent
def test_every_trainable_parameter_moves(tmp_path: Path, latent: str, prior: str) -> None:
    trainer = sentence_trainer(tmp_path, {"latent": latent, "prior": prior}, max_steps=4)
    before = {f"{m}.{n}": p.detach().clone() for m, mod in modules(trainer) for n, p in mod.named_parameters()}
    trainer.fit()
    after = {f"{m}.{n}": p for m, mod in modules(trainer) for n, p in mod.named_parameters()}
    trainable = {name for name, p in after.items() if p.requires_grad}
    trainable -= {"prior_critic.layers.4.bias"}  # f(x̃) − f(x) does not see what is added to both
    assert [name for name in trainable if torch.equal(before[name], after[name])] == []


def modules(trainer: object) -> list[tuple[str, torch.nn.Module]]:
    return list(trainer.recipe.modules.items())  # type: ignore[attr-defined]


@every_latent
def test_stopped_and_resumed_is_uninterrupted(tmp_path: Path, latent: str, prior: str) -> None:
    options = {"latent": latent, "prior": prior, "dropout": 0.2, "dtype": torch.float32}
    whole = sentence_trainer(tmp_path / "whole", options, checkpoint_every=2)
    whole.fit()
    crashed = sentence_trainer(tmp_path / "run", options, checkpoint_every=2)
    crashed.loader = Interrupted(crashed.loader, 5)  # type: ignore[arg-type]
    with pytest.raises(Crash):
        crashed.fit()
    resumed = sentence_trainer(tmp_path / "run", {**options, "seed": 99}, checkpoint_every=2)
    torch.manual_seed(12345)
    checkpoint = resumed.checkpoints.latest()
    assert checkpoint is not None and checkpoint.step == 4
    resumed.restore(checkpoint)
    resumed.fit()
    assert progress_of(resumed) == progress_of(whole)
    assert_same_bits(weights_of(resumed), weights_of(whole))


@pytest.mark.parametrize("bag", [False, True])
def test_micro_batches_give_the_same_step(tmp_path: Path, bag: bool) -> None:
    weights = []
    for accumulation in (1, 4):
        trainer = sentence_trainer(tmp_path / str(accumulation), {"bag_of_words": bag}, accumulation=accumulation)
        trainer.fit()
        weights.append(trainer.recipe.modules["model"].state_dict())
    for name, value in weights[0].items():
        assert_close(weights[1][name], value, 1e-6, name)


@every_latent
def test_it_overfits_one_batch(latent: str, prior: str) -> None:
    model = sentence_model(latent=latent, prior=prior, dtype=torch.float32).train()
    objectives = sentence_objectives(0.01)
    objectives.J_rec.weight = 1.0
    recipe = SentenceRecipe(model, objectives)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    batch, losses = tiny_batch(), []
    for _ in range(60):
        outputs = recipe.run(recipe.phases[0], {**recipe.modules}, batch, None)
        loss = outputs.model.token_nll.sum() / len(batch) + 0.01 * outputs.model.latent.penalty.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_reconstruction_is_the_sum_over_words() -> None:
    nll = torch.tensor([[1.0, 2.0, 0.0], [0.5, 0.0, 0.0]])
    assert sentence_reconstruction(nll).tolist() == [3.0, 0.5]


def test_the_bag_of_words_loss_in_closed_form() -> None:
    """Two words of three, the first twice: −(2 log p_0 + log p_2)."""
    logits = torch.log(torch.tensor([[0.5, 0.2, 0.3]], dtype=torch.float64))
    labels = torch.tensor([[0, 2, 0, -100]])
    expected = -(2 * torch.log(torch.tensor(0.5)) + torch.log(torch.tensor(0.3))).double()
    assert_close(bag_of_words(logits, labels)[0], expected, 1e-6)


def test_the_evidence_lower_bound_is_what_weights_of_one_descend() -> None:
    """J_rec + J_kl per sentence, whatever the split into tokens."""
    from textvae.training.step import weighted_loss

    model, batch = sentence_model(), tiny_batch()
    outputs = SentenceOutputs(batch, model(batch=batch))
    weights = {"J_rec": 1.0, "J_kl": 1.0}
    totals = Totals(len(batch), batch.num_tokens)
    loss, _ = weighted_loss(SENTENCE_OBJECTIVES, ("J_rec", "J_kl"), outputs, weights, totals, 1)
    latent: Tensor = outputs.model.latent.penalty
    assert_close(loss, (outputs.model.token_nll.sum(1) + latent).mean(), 1e-12)
