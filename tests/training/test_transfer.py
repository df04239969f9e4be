"""Laws of learning from one's own transfers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.laws import (
    DIAGONAL,
    LABELS,
    TWO,
    VOCABULARY,
    Labels,
    assert_close,
    assert_same_bits,
    each_alone,
    loose,
    parameters_of,
    tiny_batch,
    tiny_networks,
    tiny_trainer,
    tiny_transfer,
    tiny_transfer_recipe,
    transfer_objectives,
    weights_of,
)
from textvae.data.batch import Batch
from textvae.errors import UserError
from textvae.models import transfer as passes
from textvae.modules.config import MemoryConfig
from textvae.modules.noise import NoiseKey
from textvae.objectives.config import ObjectivesConfig, Weight
from textvae.objectives.transfer import TRANSFER_OBJECTIVES, TransferOutput, against_generated, cycle, transfer_term
from textvae.tokenization.config import SPECIAL
from textvae.training.config import TransferTrainingConfig
from textvae.training.recipe import only_moves
from textvae.training.transfer import TransferOutputs, TransferRecipe, learns_from_transfers, sentences

every_pair = pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
BOTTLENECKS = [(*pair, memory) for pair in DIAGONAL for memory in ("none", "full", "translated")]
BOTTLENECKS += [(*pair, "placed") for pair in DIAGONAL if "transformer" not in pair]
ENCODING = ("embedding.", "sentence_encoder.", "content_latent.", "decoder.", "output.")


def recipe_of(terms: tuple[str, ...] = tuple(TRANSFER_OBJECTIVES), **options: object) -> TransferRecipe:
    """Transfers from step 1 on with these terms only."""
    training = {
        name: options.pop(name) for name in ("tau", "through", "trust", "drop", "blank", "share") if name in options
    }
    model, adversaries = tiny_networks(**options)  # type: ignore[arg-type]
    objectives = ObjectivesConfig(**{name: Weight(1.0) for name in terms})
    return tiny_transfer_recipe(model, adversaries, objectives, tiny_transfer(**training))


def transferred(recipe: TransferRecipe, batch: Batch | None = None) -> TransferOutputs:
    """What phase `vae` computes once the transfers have begun."""
    phase = recipe.phases_at(1)[0]
    labels: Labels = recipe.model.attributes.by_name() if len(recipe.model.attributes) > 1 else LABELS
    with only_moves(recipe.modules, "model"):
        found = recipe.run(phase, recipe.modules, batch or tiny_batch(labels=labels), None)
    assert isinstance(found, TransferOutputs)
    return found


def term_of(outputs: TransferOutputs, name: str) -> Tensor:
    """One term, (B,)."""
    assert outputs.transfer is not None
    values = transfer_term(name, outputs.transfer)
    return values.sum(1) if values.dim() == 2 else values


# ---------------------------------------------------------------------------------------------- the plan
def test_the_paper_does_not_learn_from_transfers() -> None:
    assert not learns_from_transfers(ObjectivesConfig())
    assert learns_from_transfers(ObjectivesConfig(J_cycle=Weight(1.0)))


def test_watchers_learn_first_and_are_frozen_then() -> None:
    recipe = recipe_of()
    assert [p.moves for p in recipe.phases_at(0)] == ["model", "adversaries", "guide", "language_model"]
    assert [p.moves for p in recipe.phases_at(1)] == ["model", "adversaries", "discriminator"]
    assert not set(recipe.phases_at(0)[0].terms) & set(TRANSFER_OBJECTIVES)
    assert set(recipe.phases_at(1)[0].terms) > set(TRANSFER_OBJECTIVES)


def test_only_terms_with_a_weight_are_computed() -> None:
    recipe = recipe_of(("J_cycle",))
    assert set(recipe.modules) == {"model", "adversaries", "guide"}
    assert [p.moves for p in recipe.phases_at(0)] == ["model", "adversaries", "guide"]
    found = transferred(recipe).transfer
    assert found is not None and found.cycle_nll is not None
    assert found.points is None and found.content is None and found.guide_logits is None


def test_each_phase_moves_its_module_only(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, objectives=transfer_objectives(), transfer=tiny_transfer(start=2), max_steps=2)
    before = parameters_of(trainer.recipe.modules)
    trainer.fit()
    between = parameters_of(trainer.recipe.modules)
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], between[name])}
    assert moved == {"model", "adversaries", "guide", "language_model"}
    trainer.total_steps = 4
    trainer.fit()
    after = parameters_of(trainer.recipe.modules)
    moved = {name.split(".")[0] for name in before if not torch.equal(between[name], after[name])}
    assert moved == {"model", "adversaries", "discriminator"}


# ---------------------------------------------------------------------------------------------- gradients
@pytest.mark.parametrize(
    ("term", "labels"),
    [(term, labels) for term in sorted(TRANSFER_OBJECTIVES) for labels in (LABELS, TWO)],
)
def test_every_term_reaches_the_model_and_leaves_nothing_in_the_watchers(term: str, labels: Labels) -> None:
    recipe = recipe_of((term,), labels=labels)
    phase = recipe.phases_at(1)[0]
    with only_moves(recipe.modules, phase.moves):
        term_of(transferred(recipe), term).sum().backward()
    reached = {n for n, p in recipe.model.named_parameters() if p.grad is not None and p.grad.any()}
    assert {p for p in ENCODING if any(n.startswith(p) for n in reached)} == set(ENCODING)
    for name in ("adversaries", "guide", "language_model", "discriminator"):
        if name in recipe.modules:
            assert all(p.grad is None for p in recipe.modules[name].parameters()), name


@pytest.mark.parametrize("through", [True, False])
def test_the_cycle_is_felt_in_the_first_reading_only_through_the_words(through: bool) -> None:
    recipe = recipe_of(("J_cycle",), through=through)
    outputs = transferred(recipe)
    content = outputs.model.latents.content.value
    (gradient,) = torch.autograd.grad(term_of(outputs, "J_cycle").sum(), content, allow_unused=True)
    assert (gradient is not None and bool(gradient.any())) == through


def test_the_trust_is_the_guides_and_has_no_gradient() -> None:
    recipe = recipe_of(("J_cycle", "J_style"))
    found = transferred(recipe).transfer
    assert found is not None and found.trust is not None and found.guide_logits is not None
    assert not found.trust.requires_grad
    assert_close(found.trust, found.guide_logits[0].softmax(1)[torch.arange(6), found.target], 1e-12)
    alone = transferred(recipe_of(("J_cycle",))).transfer
    assert alone is not None and alone.trust is not None
    assert_close(alone.trust, found.trust, 1e-12, "the guide reads the words as it reads the points")
    blind = transferred(recipe_of(("J_cycle",), trust=False)).transfer
    assert blind is not None and blind.trust is not None and bool((blind.trust == 1).all())


# ---------------------------------------------------------------------------------------------- batches
@pytest.mark.parametrize(("encoder", "decoder", "memory"), BOTTLENECKS)
def test_alone_is_as_in_a_padded_batch(encoder: str, decoder: str, memory: str) -> None:
    options = {"encoder": encoder, "decoder": decoder, "hide_style_words": True, "style_word_kinds": 2}
    if memory == "placed":
        options["places"] = 4
    else:
        options |= loose(decoder=decoder) if memory == "translated" else {"memory": MemoryConfig(memory)}  # type: ignore[arg-type]
    whole = transferred(recipe_of(**options))
    rows = [(row, transferred(recipe_of(**options), batch)) for row, batch in each_alone()]
    for name in TRANSFER_OBJECTIVES:
        for row, alone in rows:
            assert_close(term_of(whole, name)[row], term_of(alone, name)[0], 1e-9, name)


@pytest.mark.parametrize("tau", [None, 0.7])
def test_a_sample_has_the_terms_of_its_sentences(tau: float | None) -> None:
    terms = tuple(name for name in TRANSFER_OBJECTIVES if name != "J_gram")
    whole, part = (transferred(recipe_of(terms, tau=tau, share=share)) for share in (1.0, 0.5))
    assert part.transfer is not None and part.transfer.sample is not None
    rows = part.transfer.sample.rows
    assert 0 < len(rows) < 6
    for name in terms:
        expected = term_of(whole, name)
        if name != "J_cycle":
            drawn = torch.zeros_like(expected)
            drawn[rows] = 2 * expected[rows]
            expected = drawn
        assert_close(term_of(part, name), expected, 1e-9, name)


def test_a_sample_is_the_same_in_every_split_and_its_mean_is_that_of_all() -> None:
    recipe = recipe_of(("J_style",), share=0.25)
    whole, found = transferred(recipe), []
    for row, batch in each_alone():
        found.append(term_of(transferred(recipe, batch), "J_style"))
        assert_close(term_of(whole, "J_style")[row], found[-1][0], 1e-9)
    ids = torch.ones(4000, 3, dtype=torch.long)
    rows, weight = passes.drawn(ids, 0.25, NoiseKey(3, 0, 4000))
    assert len(rows) / 4000 == pytest.approx(0.25, abs=0.02) and bool((weight == 4).all())
    rows, weight = passes.drawn(ids[:1], 1e-9, NoiseKey(3, 0, 1))
    assert rows.tolist() == [0] and weight.tolist() == [0], "none drawn: one that does not count"


def test_accumulation_changes_nothing(tmp_path: Path) -> None:
    weights = []
    for parts in (1, 2):
        transfer = tiny_transfer(tau=0.8, share=0.5)
        options = {"objectives": transfer_objectives(), "transfer": transfer, "accumulation": parts}
        trainer = tiny_trainer(tmp_path / str(parts), max_steps=3, **options)  # type: ignore[arg-type]
        trainer.fit()
        weights.append(weights_of(trainer))
    for name, value in weights[0].items():
        assert_close(weights[1][name], value, 1e-8, name)


def test_resumed_is_uninterrupted(tmp_path: Path) -> None:
    transfer = tiny_transfer(tau=0.8, start=2)
    options = {"objectives": transfer_objectives(), "transfer": transfer, "decay": "constant"}
    whole = tiny_trainer(tmp_path / "whole", max_steps=5, **options)  # type: ignore[arg-type]
    whole.fit()
    tiny_trainer(tmp_path / "parts", max_steps=3, **options).fit()  # type: ignore[arg-type]
    rest = tiny_trainer(tmp_path / "parts", max_steps=5, **options)  # type: ignore[arg-type]
    checkpoint = rest.checkpoints.latest()
    assert checkpoint is not None and checkpoint.step == 3
    rest.restore(checkpoint)
    rest.fit()
    assert_same_bits(weights_of(rest), weights_of(whole))


def test_two_attributes_resumed_are_uninterrupted(tmp_path: Path) -> None:
    networks = {"labels": TWO, "adversary": "discriminant", "erase": True}
    options = {"objectives": transfer_objectives(), "transfer": tiny_transfer(tau=0.8, start=2), "networks": networks}
    whole = tiny_trainer(tmp_path / "whole", max_steps=5, decay="constant", **options)  # type: ignore[arg-type]
    whole.fit()
    tiny_trainer(tmp_path / "parts", max_steps=3, decay="constant", **options).fit()  # type: ignore[arg-type]
    rest = tiny_trainer(tmp_path / "parts", max_steps=5, decay="constant", **options)  # type: ignore[arg-type]
    checkpoint = rest.checkpoints.latest()
    assert checkpoint is not None
    rest.restore(checkpoint)
    rest.fit()
    assert_same_bits(weights_of(rest), weights_of(whole))


def test_two_attributes_alone_are_as_in_a_padded_batch() -> None:
    whole = transferred(recipe_of(labels=TWO))
    for row, batch in each_alone(labels=TWO):
        alone = transferred(recipe_of(labels=TWO), batch)
        for name in TRANSFER_OBJECTIVES:
            assert_close(term_of(whole, name)[row], term_of(alone, name)[0], 1e-9, name)


def test_the_trust_in_several_attributes_is_the_product() -> None:
    found = transferred(recipe_of(("J_cycle", "J_style"), labels=TWO)).transfer
    assert found is not None and found.trust is not None and found.guide_logits is not None
    rows = torch.arange(6)
    parts = [x.softmax(1)[rows, found.target[:, a]] for a, x in enumerate(found.guide_logits)]
    assert_close(found.trust, parts[0] * parts[1], 1e-12)


# ---------------------------------------------------------------------------------------------- words
def test_every_subset_of_attributes_changes_equally_often() -> None:
    style = torch.stack([torch.arange(6000) % 3, torch.arange(6000) % 2], dim=1)
    key = NoiseKey(3, 0, len(style))
    target = passes.other_styles(style, (3, 2), key)
    changed = target != style
    shares = [float((changed == torch.tensor(subset)).all(1).float().mean()) for subset in ([1, 0], [0, 1], [1, 1])]
    assert not (changed == torch.tensor([False, False])).all(1).any()
    assert max(abs(share - 1 / 3) for share in shares) < 0.03
    assert {tuple(x) for x in torch.stack((style[:, 0], target[:, 0]), 1)[changed[:, 0]].tolist()} == {
        (a, b) for a in range(3) for b in range(3) if a != b
    }
    assert torch.equal(target[4:9], passes.other_styles(style[4:9], (3, 2), NoiseKey(3, 4, len(style))))


def test_the_target_is_another_style_and_every_other_one() -> None:
    style = torch.arange(len(LABELS)).repeat(200)
    target = passes.other_styles(style, len(LABELS), NoiseKey(3, 0, len(style)))
    assert not (target == style).any()
    assert {(a, b) for a, b in zip(style.tolist(), target.tolist(), strict=True)} == {
        (a, b) for a in range(len(LABELS)) for b in range(len(LABELS)) if a != b
    }
    assert torch.equal(passes.other_styles(torch.tensor([0, 1]), 2, None), torch.tensor([1, 0]))


def test_targets_are_the_vectors_that_transfer_decodes() -> None:
    model, _ = tiny_networks()
    for strength in (0.0, 1.0, 2.5):
        found = model.style_vector(torch.arange(len(LABELS)), strength)
        for label in range(len(LABELS)):
            assert_close(found[label], model.style_vector(label, strength), 1e-12)


def test_points_are_the_words() -> None:
    found = transferred(recipe_of()).transfer
    assert found is not None and found.points is not None
    assert found.points.shape == (*found.ids.shape, VOCABULARY)
    assert torch.equal(found.points.argmax(-1), found.ids) and bool((found.points.sum(-1) == 1).all())


def test_forbidden_words_are_never_written() -> None:
    found = transferred(recipe_of(tau=2.0)).transfer
    assert found is not None
    words = found.ids[found.mask]
    for special in (SPECIAL.pad, SPECIAL.bos, SPECIAL.mask, SPECIAL.unk):
        assert not (words == special).any()
    assert bool(((found.ids == SPECIAL.eos).sum(1) == 1).all())


def test_noise_keeps_the_end_and_the_order() -> None:
    ids = torch.tensor([[7, 8, 9, 10, 11, SPECIAL.eos], [7, 8, SPECIAL.eos, 0, 0, 0]]).repeat(50, 1)
    seen = passes.noised(ids, passes.Plan(drop=0.3, blank=0.3), NoiseKey(1, 0, len(ids)))
    shorter = 0
    for before, after in zip(ids.tolist(), seen.tolist(), strict=True):
        words = [w for w in after if w != SPECIAL.pad]
        assert after[: len(words)] == words and words[-1] == SPECIAL.eos
        kept = [w for w in words if w not in (SPECIAL.mask, SPECIAL.eos)]
        assert kept == sorted(kept) and set(kept) <= set(before)
        shorter += len(words) < sum(w != SPECIAL.pad for w in before)
    assert 0.3 * len(ids) < shorter < len(ids)
    assert torch.equal(passes.noised(ids, passes.Plan(drop=0.0, blank=0.0), None), ids)


def test_sentences_are_the_clean_ones() -> None:
    batch = tiny_batch()
    noisy = replace(batch, input_ids=torch.full_like(batch.input_ids, SPECIAL.mask))
    ids, mask = sentences(noisy)
    assert torch.equal(ids, batch.input_ids) and torch.equal(mask, batch.attention_mask)


# ---------------------------------------------------------------------------------------------- objectives
def test_the_cycle_is_weighted_by_trust() -> None:
    nll = torch.rand(3, 4, dtype=torch.float64)
    assert_close(cycle(nll, torch.tensor([0.0, 0.5, 1.0])).sum(1), nll.sum(1) * torch.tensor([0.0, 0.5, 1.0]), 1e-12)


def stored(batch: Batch, recipe: TransferRecipe) -> Batch:
    """The batch with what the model writes of it now as stored transfers."""
    ids = transferred(recipe, batch).transfer.ids  # type: ignore[union-attr]
    return replace(batch, stored=ids)


@every_pair
def test_stored_transfers_are_translated_back_as_written_ones_are(encoder: str, decoder: str) -> None:
    """The same words stored give the same J_cycle, trusted whatever the guide thinks; nothing is written for it."""
    recipe = recipe_of(("J_cycle",), encoder=encoder, decoder=decoder, trust=False)
    batch = tiny_batch()
    written = term_of(transferred(recipe, batch), "J_cycle")
    known = stored(batch, recipe)
    doubting = recipe_of(("J_cycle",), encoder=encoder, decoder=decoder, trust=True)
    assert torch.equal(written, term_of(transferred(doubting, known), "J_cycle"))
    others = replace(known, stored=batch.input_ids)
    assert not torch.allclose(written, term_of(transferred(recipe, others), "J_cycle"))


def test_stored_transfers_leave_the_other_terms_to_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, terms = tiny_batch(), ("J_cycle", "J_style", "J_content")
    alone = transferred(recipe_of(terms), batch)
    beside = transferred(recipe_of(terms), replace(batch, stored=batch.input_ids))
    for name in ("J_style", "J_content"):
        assert torch.equal(term_of(alone, name), term_of(beside, name))
    assert not torch.equal(term_of(alone, "J_cycle"), term_of(beside, "J_cycle"))
    monkeypatch.setattr(passes, "write", None)  # nobody may ask for what costs most of the step
    transferred(recipe_of(("J_cycle",)), replace(batch, stored=batch.input_ids))


def test_stored_transfers_stay_beside_their_sentences() -> None:
    """Each sentence alone, in its place of the noise, has the J_cycle that it has in the batch."""
    recipe = recipe_of(("J_cycle",))
    batch = stored(tiny_batch(), recipe)
    whole = term_of(transferred(recipe, batch), "J_cycle")
    alone = [term_of(transferred(recipe, batch.rows(row, row + 1)), "J_cycle") for row in range(len(batch))]
    assert_close(torch.cat(alone), whole, 1e-9)
    assert batch.stored is not None
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    assert torch.equal(batch.permuted(order).stored, batch.stored[order])  # type: ignore[arg-type]


def test_the_discriminators_loss_by_hand() -> None:
    real, fake = torch.tensor([[2.0, 0.0, 0.0]]).double(), torch.tensor([[0.0, 0.0, 1.0]]).double()
    expected = -0.5 * (real.log_softmax(1)[0, 0] + fake.log_softmax(1)[0, 2])
    assert_close(against_generated([real], torch.tensor([0]), [fake])[0], expected, 1e-12)


def test_several_attributes_have_a_discriminators_loss_each() -> None:
    real, fake = [torch.randn(4, k).double() for k in (4, 3)], [torch.randn(4, k).double() for k in (4, 3)]
    style = torch.tensor([[0, 1], [2, 0], [1, 1], [0, 0]])
    each = [against_generated([real[a]], style[:, a], [fake[a]]) for a in range(2)]
    assert_close(against_generated(real, style, fake), each[0] + each[1], 1e-12)
    recipe = recipe_of(("J_adv_x",), labels=TWO)
    outputs = transferred(recipe)
    assert outputs.transfer is not None and outputs.transfer.discriminator_logits is not None
    assert [x.shape for x in outputs.transfer.discriminator_logits] == [(6, 4), (6, 3)]
    found = recipe.run_dis_x(recipe.discriminator, outputs.batch, outputs)["J_dis_x"]
    found.sum().backward()
    assert found.shape == (6,) and all(
        bool(p.grad.any()) for p in recipe.discriminator.parameters() if p.grad is not None
    )


def test_a_transfer_into_itself_costs_nothing_in_the_latent_space() -> None:
    z = torch.randn(4, 5)
    words = torch.zeros(4, 3, dtype=torch.long)
    same = TransferOutput(words[:, 0], words, words > 0, content=z, wanted_content=z, style=z, wanted_style=z + 1)
    assert not TRANSFER_OBJECTIVES["J_content"](same).any()
    assert_close(TRANSFER_OBJECTIVES["J_match"](same), torch.full((4,), 5.0), 1e-5)


@pytest.mark.parametrize(
    "wrong", [{"start": 0}, {"tau": 0.0}, {"drop": 1.0}, {"learning_rate": 0.0}, {"through": True, "stored": "x"}]
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="transfer"):
        TransferTrainingConfig(**wrong)  # type: ignore[arg-type]
