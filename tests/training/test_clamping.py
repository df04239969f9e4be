"""Clamping: what a group shares has one value, and reconstruction trains the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from tests.laws import (
    DIAGONAL,
    LABELS,
    TWO,
    assert_close,
    assert_same_bits,
    latent_kinds,
    parameters_of,
    per_sentence,
    progress_of,
    resumed_after_a_crash,
    separate_latent_kinds,
    tiny_batch,
    tiny_collator,
    tiny_corpus,
    tiny_loader,
    tiny_networks,
    tiny_recipe,
    tiny_trainer,
    tiny_transfer,
    transfer_objectives,
    weights_of,
)
from textvae.config.sentence_vae import SentenceExperimentConfig
from textvae.config.style_transfer import ExperimentConfig
from textvae.data.batch import Batch
from textvae.data.config import DataConfig
from textvae.errors import UserError
from textvae.extras.trees.config import TreeExperimentConfig
from textvae.models.configuration import ModelConfig
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.clamping import Clamped
from textvae.modules.config import POINTS, ClampingConfig, LatentConfig, MemoryConfig
from textvae.modules.latents.base import Evidence
from textvae.modules.noise import NoiseKey
from textvae.objectives.clamping import group_distance
from textvae.objectives.style_content import Outputs
from textvae.training.style_content import StyleContentRecipe

GROUP = torch.tensor([4, 4, 4, 9, 9, 2])
every_space = pytest.mark.parametrize("shared", ["style", "content"])
every_evidence = pytest.mark.parametrize("evidence", ["mean", "product"])


def grouped(group: Tensor = GROUP, **options: Any) -> Batch:
    """Six sentences: a group of three, one of two, one alone."""
    return replace(tiny_batch(len(group), **options), group=group)


def clamped(shared: str = "content", trains: str = "rest", evidence: str = "mean", **options: Any) -> StyleContentVAE:
    model, _ = tiny_networks(clamping=ClampingConfig(shared, trains, evidence), **options)  # type: ignore[arg-type]
    return model


def with_evidence(kinds: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Latents with both ways to join a group's evidence; points know one."""
    return [(*kind, way) for kind in kinds for way in ("mean", "product") if way == "mean" or kind[0] not in POINTS]


def outputs_of(
    batch: Batch, shared: str = "content", trains: str = "rest", evidence: str = "mean", **options: Any
) -> Outputs:
    """What phase vae computes, nothing frozen."""
    clamping = ClampingConfig(shared, trains, evidence)  # type: ignore[arg-type]
    model, adversaries = tiny_networks(clamping=clamping, **options)
    recipe = tiny_recipe(model, adversaries)
    return recipe.run(recipe.phases[0], recipe.modules, batch, None)


# ---------------------------------------------------------------------------------------------- one value for a group
@every_space
@pytest.mark.parametrize(("latent", "prior", "evidence"), with_evidence(latent_kinds()))
def test_a_group_has_one_value_in_the_space_it_shares_and_its_own_in_the_other(
    shared: str, latent: str, prior: str, evidence: str
) -> None:
    latents = clamped(shared, evidence=evidence, latent=latent, prior=prior)(batch=grouped()).latents
    other = "style" if shared == "content" else "content"
    one, own = getattr(latents, shared), getattr(latents, other)
    for rows in ([0, 1, 2], [3, 4]):
        assert_close(one.value[rows], one.value[rows[:1]].expand(len(rows), -1), 1e-12)
        assert_close(one.mean[rows], one.mean[rows[:1]].expand(len(rows), -1), 1e-9)
    assert len(one.unerased.unique(dim=0)) > 1 and len(own.unerased.unique(dim=0)) == 6


@every_space
def test_the_value_is_drawn_around_the_mean_of_the_members(shared: str) -> None:
    model, batch = clamped(shared).eval(), grouped()
    with torch.no_grad():
        alone = getattr(model.encode(batch.input_ids, batch.attention_mask), shared).mean
        found = model(batch=batch, sample=False).latents
    for rows in ([0, 1, 2], [3, 4], [5]):
        mean = alone[rows].mean(0).expand(len(rows), -1)
        assert_close(getattr(found, shared).value[rows], mean, 1e-9)
        assert_close(found.apart[rows], alone[rows] - mean, 1e-9)
    assert_close(group_distance(found.apart), 0.5 * found.apart.square().sum(1), 1e-12)
    assert float(found.apart[5].abs().max()) < 1e-12


@every_space
def test_the_product_of_a_group_is_the_product_of_its_densities(shared: str) -> None:
    """ln N(z; μ, σ²) − Σ_i ln N(z; μ_i, σ_i²) is the same at every z."""
    model, batch = clamped(shared, evidence="product").eval(), grouped()
    with torch.no_grad():
        alone = getattr(model.encode(batch.input_ids, batch.attention_mask), shared)
        found = getattr(model(batch=batch, sample=False).latents, shared)
    z = torch.randn(4, 1, alone.mean.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for rows in ([0, 1, 2], [3, 4], [5]):
        each = Normal(alone.mean[rows], (0.5 * alone.log_var[rows]).exp()).log_prob(z).sum(1)
        together = Normal(found.mean[rows[0]], (0.5 * found.log_var[rows[0]]).exp()).log_prob(z[:, 0])
        assert_close(together - each, (together - each)[:1].expand(4, -1), 1e-9)
        assert_close(found.value[rows], found.mean[rows[:1]].expand(len(rows), -1), 1e-9)
    assert_close(found.mean[5], alone.mean[5], 1e-12)
    assert_close(found.log_var[5], alone.log_var[5], 1e-12)


def test_agreement_makes_a_group_surer_and_its_surest_sentence_leads() -> None:
    groups = Clamped.of(torch.zeros(6, 1), GROUP)
    alike = groups.product(Evidence(torch.full((6, 2), 3.0), torch.full((6, 2), -1.0)))
    assert_close(alike.mean, torch.full((6, 2), 3.0), 1e-6)
    assert_close(alike.log_var, -1.0 - groups.size.float().log()[:, None].expand(-1, 2), 1e-6)
    mean = torch.tensor([[5.0], [1.0], [2.0], [0.0], [4.0], [7.0]])
    log_var = torch.tensor([[-300.0], [50.0], [0.0], [300.0], [300.0], [-200.0]]).requires_grad_()
    found = groups.product(Evidence(mean, log_var))  # e^300 is no fp32
    assert_close(found.mean[:, 0], torch.tensor([5.0, 5.0, 5.0, 2.0, 2.0, 7.0]), 1e-6)
    assert found.log_var is not None and found.log_var.isfinite().all()
    (gradient,) = torch.autograd.grad(found.mean.sum() + found.log_var.sum(), log_var)
    assert gradient.isfinite().all()


def test_the_order_in_a_group_does_not_matter_to_what_it_says() -> None:
    order = torch.tensor([2, 0, 1, 4, 3, 5])
    each = Evidence(torch.randn(6, 3).double(), torch.randn(6, 3).double())
    groups = Clamped.of(torch.zeros(6, 1), GROUP)
    one, other = groups.product(each), groups.product(Evidence(each.mean[order], each.log_var[order]))  # type: ignore[index]
    assert_close(other.mean, one.mean, 1e-12)
    assert_close(other.log_var, one.log_var, 1e-12)
    assert (groups.product(each).mean[:3] != each.mean[:3]).all()


def test_the_kinds_that_are_points_have_no_variance() -> None:
    for kind, prior in latent_kinds():
        latent = clamped(latent=kind, prior=prior)(batch=grouped()).latents.content
        assert (latent.log_var is None) == (kind in POINTS)


def test_a_group_pays_its_rate_once() -> None:
    model, batch = clamped("content", "all"), grouped()
    penalty = model(batch=batch).latents.content.penalty
    whole = model.content_latent(
        torch.stack([s[rows].mean(0) for s in [summaries(model, batch)] for rows in ([0, 1, 2], [3, 4], [5])])
    ).penalty
    sums = torch.stack([penalty[rows].sum() for rows in ([0, 1, 2], [3, 4], [5])])
    assert_close(sums, whole, 1e-9)


def summaries(model: StyleContentVAE, batch: Batch) -> Tensor:
    return model.read(batch.input_ids, batch.attention_mask)[1].summary


def test_without_groups_nothing_is_clamped() -> None:
    model, plain = clamped(), tiny_batch()
    found = model(batch=plain).latents
    assert found.apart is None
    singles = model(batch=replace(plain, group=torch.arange(6))).latents
    assert_close(singles.content.value, found.content.value, 1e-12)
    assert_close(singles.content.penalty, found.content.penalty, 1e-12)
    assert outputs_of(plain).model.latents.apart is None
    assert StyleContentRecipe.group_terms.fget(outputs_recipe("content")) == ("J_group",)  # type: ignore[attr-defined]
    assert outputs_recipe(None).phases[0].terms == outputs_recipe("content").phases[0].terms[:-1]


def outputs_recipe(shared: str | None) -> StyleContentRecipe:
    model, adversaries = tiny_networks(clamping=ClampingConfig(shared))  # type: ignore[arg-type]
    return tiny_recipe(model, adversaries)


# ---------------------------------------------------------------------------------------------- gradients
@every_space
@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
@pytest.mark.parametrize("trains", ["rest", "all"])
@every_evidence
def test_reconstruction_trains_what_is_not_shared(
    shared: str, encoder: str, decoder: str, trains: str, evidence: str
) -> None:
    model, adversaries = tiny_networks(
        clamping=ClampingConfig(shared, trains, evidence),  # type: ignore[arg-type]
        encoder=encoder,
        decoder=decoder,
    )
    recipe = tiny_recipe(model, adversaries)
    other = "style" if shared == "content" else "content"
    for term, expected in (
        ("J_rec", {other} if trains == "rest" else {"style", "content"}),
        (f"J_kl_{shared[0]}", set() if trains == "rest" else {shared}),
        (f"J_kl_{other[0]}", {other}),
        ("J_group", {shared}),
    ):
        outputs = recipe.run(recipe.phases[0], recipe.modules, grouped(), None)
        recipe.objectives[term](outputs).sum().backward()
        moved = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
        assert {name for name in ("style", "content") if f"{name}_latent" in moved} == expected, term
        assert ("decoder" in moved) == (term == "J_rec")
        if expected:
            assert "sentence_encoder" in moved
        model.zero_grad()


@every_space
@pytest.mark.parametrize(("latent", "prior", "evidence"), with_evidence(latent_kinds()))
def test_every_parameter_has_a_gradient_for_data_parallel_wrappers(
    shared: str, latent: str, prior: str, evidence: str
) -> None:
    clamping = ClampingConfig(shared, evidence=evidence)  # type: ignore[arg-type]
    model, adversaries = tiny_networks(clamping=clamping, latent=latent, prior=prior)
    recipe = tiny_recipe(model, adversaries)
    outputs = recipe.run(recipe.phases[0], recipe.modules, grouped(), None)
    sum(recipe.objectives[term](outputs).sum() for term in recipe.phases[0].terms).backward()  # type: ignore[union-attr]
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


def test_the_clamped_space_has_the_papers_gradient() -> None:
    """dJ_group / dμ_i = μ_i − μ̄, which Kulkarni et al. put in the place of the reconstruction's gradient."""
    means = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(group_distance(means - means.mean(0)).sum(), means)
    assert_close(gradient, (means - means.mean(0)).detach(), 1e-12)


# ---------------------------------------------------------------------------------------------- the laws
@every_space
@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
@every_evidence
def test_a_group_alone_is_as_in_a_padded_batch(shared: str, encoder: str, decoder: str, evidence: str) -> None:
    options = {"encoder": encoder, "decoder": decoder, "evidence": evidence}
    whole = per_sentence(outputs_of(grouped(), shared, "all", **options))
    corpus = tiny_corpus(6)
    for rows in ([0, 1, 2], [3, 4], [5]):
        batch = tiny_collator()(corpus, np.array(rows))
        part = replace(batch, key=NoiseKey(11, rows[0], 6), group=GROUP[rows])
        for name, values in per_sentence(outputs_of(part, shared, "all", **options)).items():
            assert_close(values, whole[name][rows], 1e-9, name)


@every_space
@pytest.mark.parametrize(("latent", "prior", "evidence"), with_evidence(separate_latent_kinds()))
def test_micro_batches_give_the_same_training(
    tmp_path: Path, shared: str, latent: str, prior: str, evidence: str
) -> None:
    found = []
    for accumulation in (1, 4):
        clamping = ClampingConfig(shared, "all", evidence)  # type: ignore[arg-type]
        networks: dict[str, Any] = {"clamping": clamping, "latent": latent, "prior": prior}
        trainer = tiny_trainer(tmp_path / str(accumulation), networks=networks, accumulation=accumulation)
        trainer.fit()
        found.append(parameters_of(trainer.recipe.modules))
    for name, value in found[0].items():
        assert_close(found[1][name], value, 1e-6, name)


@pytest.mark.parametrize("labels", [LABELS, TWO], ids=["one", "two"])
@pytest.mark.parametrize("transfers", [False, True])
@every_evidence
def test_stopped_and_resumed_is_uninterrupted(tmp_path: Path, labels: Any, transfers: bool, evidence: Any) -> None:
    networks = {
        "clamping": ClampingConfig("content", "rest", evidence),
        "dropout": 0.2,
        "dtype": torch.float32,
        "labels": labels,
    }
    options: dict[str, Any] = {"checkpoint_every": 2, "accumulation": 2}
    if transfers and labels is LABELS:
        options |= {"transfer": tiny_transfer(), "objectives": transfer_objectives()}
    whole = tiny_trainer(tmp_path / "whole", networks=networks, **options)
    whole.fit()
    resumed, checkpoint = resumed_after_a_crash(tmp_path / "run", 9, networks, **options)
    assert checkpoint.step == 8
    assert progress_of(resumed) == progress_of(whole) and whole.progress.step == 2 * whole.loader.steps_per_epoch > 9
    assert_same_bits(weights_of(resumed), weights_of(whole))


def test_the_configuration_of_a_saved_model_does_not_know_of_groups() -> None:
    model = clamped()
    assert "clamp" not in model.config.to_json_string()
    assert any(batch.group is not None for batch in tiny_loader(tiny_corpus(27, grouped=True)).epoch(0))


# ---------------------------------------------------------------------------------------------- options
def jsonl(column: str | None = "who") -> DataConfig:
    return DataConfig(source="jsonl", group_column=column)


def with_product(
    shared: str, style: LatentConfig | None = None, content: LatentConfig | None = None
) -> ExperimentConfig:
    model = ModelConfig(style=style or LatentConfig(), content=content or LatentConfig())
    clamping = ClampingConfig(shared, "all", "product")  # type: ignore[arg-type]
    return ExperimentConfig(data=jsonl(), clamping=clamping, model=model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExperimentConfig(clamping=ClampingConfig("content")), "data.group_column"),
        (lambda: ExperimentConfig(data=jsonl()), "clamping.shared"),
        (
            lambda: ExperimentConfig(
                data=jsonl(), clamping=ClampingConfig("content"), model=ModelConfig(memory=MemoryConfig("full"))
            ),
            "model.memory.kind none",
        ),
        (lambda: with_product("style", LatentConfig("deterministic")), "clamping.evidence product.*deterministic"),
        (lambda: with_product("content", content=LatentConfig("vq")), "model.content.kind"),
        (lambda: ClampingConfig("style", members=1), "clamping.members"),
        (lambda: SentenceExperimentConfig(data=jsonl()), "style_transfer"),
        (lambda: TreeExperimentConfig(data=jsonl()), "style_transfer"),
    ],
)
def test_options_that_do_not_go_together(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
    assert ExperimentConfig(data=jsonl(), clamping=ClampingConfig("style")).clamping.trains == "rest"
    assert with_product("style", content=LatentConfig("vq")).clamping.evidence == "product"
