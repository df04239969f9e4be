"""Which objective reads what, and which parameters its gradient reaches: a row for every entry of OBJECTIVES."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from tests.laws import (
    BAG,
    LABELS,
    PAIRS,
    all_objectives,
    assert_close,
    latent_kinds,
    outputs_of,
    tiny_batch,
    tiny_networks,
)
from textvae.objectives.config import ObjectivesConfig, Weight
from textvae.objectives.style_content import (
    ADVERSARY_TERMS,
    GROUP_OBJECTIVES,
    MEMORY_OBJECTIVES,
    MODEL_TERMS,
    OBJECTIVES,
    PRIOR_OBJECTIVES,
    Outputs,
)
from textvae.objectives.transfer import TRANSFER_OBJECTIVES

every_objective = pytest.mark.parametrize("name", sorted(OBJECTIVES))
SENTENCE = {"embedding", "sentence_encoder"}
REACHES: dict[str, set[str]] = {
    "J_rec": SENTENCE | {"style_latent", "content_latent", "decoder", "output"},
    "J_kl_s": SENTENCE | {"style_latent"},
    "J_kl_c": SENTENCE | {"content_latent"},
    "J_mul_s": SENTENCE | {"style_latent", "style_head"},
    "J_mul_c": SENTENCE | {"content_latent", "bag_head"},
    "J_adv_s": SENTENCE | {"content_latent", "style_from_content"},
    "J_adv_c": SENTENCE | {"style_latent", "bag_from_style"},
    "J_dis_s": SENTENCE | {"content_latent", "style_from_content"},
    "J_dis_c": SENTENCE | {"style_latent", "bag_from_style"},
}
"""Parts with a gradient where nothing is detached or frozen; `training` cuts J_adv and J_dis (tests/training)."""


def reached(module: nn.Module) -> set[str]:
    """Names of the children in which some gradient is not zero."""
    return {n.split(".")[0] for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}


def test_names_weights_and_phases_agree() -> None:
    weights = {f.name for f in fields(ObjectivesConfig) if f.name.startswith("J_")}
    watchers = {"J_guide", "J_language", "J_dis_x"}
    assert weights == {
        *OBJECTIVES,
        *MEMORY_OBJECTIVES,
        *GROUP_OBJECTIVES,
        *PRIOR_OBJECTIVES,
        *TRANSFER_OBJECTIVES,
        *watchers,
    }
    assert set(OBJECTIVES) == set(REACHES)
    assert sorted(MODEL_TERMS + ADVERSARY_TERMS) == sorted(OBJECTIVES), "each term in exactly one phase"


@every_objective
@pytest.mark.parametrize(("encoder", "decoder"), PAIRS)
def test_each_objective_reaches_its_own_parts(name: str, encoder: str, decoder: str) -> None:
    model, adversaries = tiny_networks(encoder=encoder, decoder=decoder)
    OBJECTIVES[name](outputs_of(model, adversaries, tiny_batch())).sum().backward()
    assert reached(model) | reached(adversaries) == REACHES[name]


NOT_DECODED = ("prior", "flow", "score")
"""Parts of a latent that only its penalty moves."""


@pytest.mark.parametrize(("latent", "prior"), latent_kinds())
def test_both_parameters_of_a_posterior_learn(latent: str, prior: str) -> None:
    """μ and log σ² in no optimiser, or without a gradient, is a defect of a released code."""
    model, adversaries = tiny_networks(latent=latent, prior=prior)
    outputs = outputs_of(model, adversaries, tiny_batch())
    OBJECTIVES["J_rec"](outputs).sum().backward(retain_graph=True)
    for space in (model.style_latent, model.content_latent):
        silent = {n for n, p in space.named_parameters() if p.grad is None or not p.grad.any()}
        assert {n for n in silent if not n.startswith(NOT_DECODED)} == set(), "reconstruction moves μ and log σ²"
    OBJECTIVES["J_kl_s"](outputs).sum().backward()
    silent = {n for n, p in model.style_latent.named_parameters() if p.grad is None or not p.grad.any()}
    assert silent == set(), "the KL also moves the prior's means"


@every_objective
def test_shape_is_a_value_a_sentence_or_a_token(name: str) -> None:
    model, adversaries = tiny_networks()
    batch = tiny_batch()
    values = OBJECTIVES[name](outputs_of(model, adversaries, batch))
    assert values.shape == (batch.labels.shape if name == "J_rec" else (len(batch),))


def test_each_objective_is_its_formula_of_the_outputs() -> None:
    """Golden values by plain torch from the raw outputs."""
    model, adversaries = tiny_networks()
    batch = replace(tiny_batch(), style=torch.tensor([0, 1, 2, 2, 1, 0]))
    outputs = outputs_of(model, adversaries, batch)
    rows, bag = torch.arange(len(batch)), torch.zeros(len(batch), BAG, dtype=torch.float64)
    bag.scatter_add_(1, batch.bag_ids, batch.bag_weights.double())
    assert set(bag.sum(1).round(decimals=5).tolist()) == {0.0, 1.0}, "a sentence without content words is there too"
    style, content = outputs.model.latents.style, outputs.model.latents.content
    centre = model.style_latent.prior_means[batch.style]
    log_p = {
        "style_head": outputs.model.style_logits[0].log_softmax(1),
        "bag_head": outputs.model.bag_logits.log_softmax(1),
        "style_adversary": outputs.adversaries.style_logits[0].log_softmax(1),
        "bag_adversary": outputs.adversaries.bag_logits.log_softmax(1),
    }
    entropy = {k: -(v.exp() * v).sum(1) for k, v in log_p.items()}
    expected = {
        "J_rec": outputs.model.token_nll,
        "J_kl_s": 0.5 * (style.log_var.exp() + (style.mean - centre) ** 2 - 1 - style.log_var).sum(1),
        "J_kl_c": 0.5 * (content.log_var.exp() + content.mean**2 - 1 - content.log_var).sum(1),
        "J_mul_s": -log_p["style_head"][rows, batch.style],
        "J_mul_c": -(bag * log_p["bag_head"]).sum(1),
        "J_adv_s": -entropy["style_adversary"],
        "J_adv_c": -entropy["bag_adversary"],
        "J_dis_s": -log_p["style_adversary"][rows, batch.style],
        "J_dis_c": -(bag * log_p["bag_adversary"]).sum(1),
    }
    assert set(expected) == set(OBJECTIVES)
    for name, value in expected.items():
        assert_close(OBJECTIVES[name](outputs), value, 1e-7, name)


def test_the_form_of_j_adv_is_a_choice() -> None:
    model, adversaries = tiny_networks()
    entropy = outputs_of(model, adversaries, tiny_batch())
    uniform = replace(entropy, adversarial="uniform")
    log_p = entropy.adversaries.style_logits[0].log_softmax(1)
    expected = -log_p.mean(1) - torch.log(torch.tensor(float(len(LABELS))))
    assert_close(OBJECTIVES["J_adv_s"](uniform), expected, 1e-7)
    for name in OBJECTIVES:
        same = torch.equal(OBJECTIVES[name](uniform), OBJECTIVES[name](entropy))
        assert same == (not name.startswith("J_adv")), name


def test_weights_follow_their_schedules() -> None:
    config = all_objectives(2.0, J_kl_s=Weight(4.0, "linear", steps=10))
    weights = config.at(0)
    assert {name: weights[name] for name in OBJECTIVES} == {n: 0.0 if n == "J_kl_s" else 2.0 for n in OBJECTIVES}
    assert config.at(5)["J_kl_s"] == 2.0 and config.at(10)["J_kl_s"] == 4.0


def test_the_papers_weights_are_the_default() -> None:
    weights = ObjectivesConfig().at(10**6)
    assert not any(weights[name] for name in TRANSFER_OBJECTIVES), "the paper does not learn from transfers"
    assert {name: weights[name] for name in OBJECTIVES} == {
        "J_rec": 1.0,
        "J_kl_s": 0.03,
        "J_kl_c": 0.03,
        "J_mul_s": 10.0,
        "J_mul_c": 3.0,
        "J_adv_s": 1.0,
        "J_adv_c": 0.03,
        "J_dis_s": 1.0,
        "J_dis_c": 1.0,
    }
    assert ObjectivesConfig().adversarial == "entropy"


def test_token_losses_are_minus_log_probabilities_by_hand() -> None:
    """J_rec of one sentence from the model's own logits, position by position, `</s>` included."""
    model, adversaries = tiny_networks()
    batch = tiny_batch()
    outputs: Outputs = outputs_of(model, adversaries, batch, sample=False)
    memory = model.memory(outputs.model.latents.style.mean, outputs.model.latents.content.mean)
    logits = model.output.logits(model.decoder(memory, model.embedding(batch.decoder_input_ids)))
    for row in range(len(batch)):
        for place, target in enumerate(batch.labels[row].tolist()):
            wanted = -logits[row, place].log_softmax(0)[target] if target >= 0 else torch.zeros(())
            assert_close(OBJECTIVES["J_rec"](outputs)[row, place], wanted, 1e-9)
