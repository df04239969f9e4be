"""Laws of the whole model, over every encoder with every decoder and every latent."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.laws import (
    BOS,
    CONTENT_SIZE,
    DIAGONAL,
    EOS,
    LABELS,
    MASK,
    OWN_ENCODERS,
    PAD,
    PAIRS,
    STYLE_SIZE,
    STYLE_WORDS,
    TWO,
    VOCABULARY,
    Labels,
    assert_close,
    each_alone,
    every_number_of_attributes,
    loose,
    outputs_of,
    per_sentence,
    separate_latent_kinds,
    tiny_batch,
    tiny_model,
    tiny_networks,
)
from textvae.errors import UserError
from textvae.models.style_content_vae import Latents, StyleContentOutput, StyleContentVAE
from textvae.modules.config import BlanksConfig, MemoryConfig
from textvae.modules.latents import LatentOutput

every_pair = pytest.mark.parametrize(("encoder", "decoder"), PAIRS)
every_latent = pytest.mark.parametrize(("latent", "prior"), separate_latent_kinds())
ORDER = torch.tensor([4, 2, 0, 5, 1, 3])


def padded(output: StyleContentOutput) -> dict[str, torch.Tensor]:
    """Everything a batch gives, by name."""
    found = {"token_nll": output.token_nll, "bag_logits": output.bag_logits}
    found |= {f"style_logits.{a}": logits for a, logits in enumerate(output.style_logits)}
    for name, space in (("z_s", output.latents.style), ("z_c", output.latents.content)):
        found |= {f"{name}.{k}": v for k, v in vars(space).items() if v is not None}
    return found


def spaces(latents: Latents) -> tuple[LatentOutput, LatentOutput]:
    """Style and content."""
    return latents.style, latents.content


@every_pair
@pytest.mark.parametrize("sample", [True, False])
def test_alone_is_as_in_a_padded_batch(encoder: str, decoder: str, sample: bool) -> None:
    model, adversaries = tiny_networks(encoder=encoder, decoder=decoder)
    whole = padded(model(batch=tiny_batch(), sample=sample))
    losses = per_sentence(outputs_of(model, adversaries, tiny_batch(), sample))
    for row, batch in each_alone():
        alone = padded(model(batch=batch, sample=sample))
        for name, value in alone.items():
            wide = whole[name][row]
            if name == "token_nll":
                assert not wide[value.shape[1] :].any(), "padding costs something"
                wide = wide[: value.shape[1]]
            assert_close(wide, value[0], 1e-11, name)
        for name, loss in per_sentence(outputs_of(model, adversaries, batch, sample)).items():
            assert_close(losses[name][row], loss[0], 1e-11, name)


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
@pytest.mark.parametrize("memory", [MemoryConfig(), MemoryConfig("full", scrub=True)], ids=["none", "full"])
def test_alone_is_as_in_a_padded_batch_with_two_attributes(encoder: str, decoder: str, memory: MemoryConfig) -> None:
    options = {"encoder": encoder, "decoder": decoder, "memory": memory, "erase": memory.kind == "none"}
    model, adversaries = tiny_networks(labels=TWO, **options)  # type: ignore[arg-type]
    losses = per_sentence(outputs_of(model, adversaries, tiny_batch(labels=TWO)))
    for row, batch in each_alone(labels=TWO):
        for name, loss in per_sentence(outputs_of(model, adversaries, batch)).items():
            assert_close(losses[name][row], loss[0], 1e-11, name)


@every_latent
@pytest.mark.parametrize("output", ["full", "adaptive"])
def test_alone_is_as_in_a_padded_batch_with_every_latent_and_output(latent: str, prior: str, output: str) -> None:
    size = 4100 if output == "adaptive" else VOCABULARY  # the adaptive softmax begins at 1,000 and 4,000 words
    model, adversaries = tiny_networks(latent=latent, prior=prior, output=output, vocabulary=size)
    losses = per_sentence(outputs_of(model, adversaries, tiny_batch(vocabulary=size)))
    for row, batch in each_alone(vocabulary=size):
        for name, loss in per_sentence(outputs_of(model, adversaries, batch)).items():
            assert_close(losses[name][row], loss[0], 1e-11, name)


@pytest.mark.parametrize("word_kinds", [0, 2])
@pytest.mark.parametrize("encoder", OWN_ENCODERS)
@pytest.mark.parametrize("kind", ["pooled", "full"])
def test_alone_is_as_in_a_padded_batch_with_loose_blanks(encoder: str, kind: str, word_kinds: int) -> None:
    model, adversaries = tiny_networks(encoder=encoder, style_word_kinds=word_kinds, **loose(kind))
    losses = per_sentence(outputs_of(model, adversaries, tiny_batch()))
    for row, batch in each_alone():
        for name, loss in per_sentence(outputs_of(model, adversaries, batch)).items():
            assert_close(losses[name][row], loss[0], 1e-11, name)


@pytest.mark.parametrize("kind", ["pooled", "full"])
def test_a_transfer_looks_at_the_words_that_a_reconstruction_must_not_see(kind: str) -> None:
    model = tiny_model(**loose(kind))
    ids = torch.tensor([[6, STYLE_WORDS[0], 7, EOS], [6, STYLE_WORDS[1], 7, EOS]])
    read = model.encode(ids, ids != PAD)
    assert read.memory is not None and read.source is not None
    assert_close(read.memory[0], read.memory[1], 1e-12)
    assert (read.source[0] - read.source[1]).abs().max() > 1e-6
    plain = model.encode(ids[:1, [0, 2, 3]], torch.ones(1, 3, dtype=torch.bool))
    assert plain.memory is not None and plain.source is not None
    assert_close(plain.memory, plain.source, 1e-12, "without style words both are the same")


@pytest.mark.parametrize("encoder", OWN_ENCODERS)
@pytest.mark.parametrize("how", ["seen", "hidden", "kinds", "loose"])
def test_a_space_alone_is_as_beside_the_other(encoder: str, how: str) -> None:
    options = {"seen": {"memory": MemoryConfig("full")}, "hidden": {"hide_style_words": True}, "loose": loose("full")}
    options["kinds"] = {"hide_style_words": True, "style_word_kinds": 2}
    model, batch = tiny_model(encoder=encoder, **options[how]), tiny_batch()
    both = model.encode(batch.input_ids, batch.attention_mask)
    rows: list[int] = []
    model.sentence_encoder.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    if model.sentence_memory is not None:
        model.sentence_memory.register_forward_pre_hook(lambda *_: pytest.fail("nobody asked for the memory"))
    assert_close(model.content_means(batch.input_ids, batch.attention_mask), both.content.mean, 1e-12)
    assert_close(model.style_means_of(batch.input_ids, batch.attention_mask), both.style.mean, 1e-12)
    assert rows == [6, 6], "each reads its own view alone"


def test_a_run_of_style_words_is_one_blank_to_the_content() -> None:
    model = tiny_model(**loose("full"))
    ids = torch.tensor([[6, STYLE_WORDS[0], STYLE_WORDS[1], STYLE_WORDS[0], 7, EOS]])
    short = torch.tensor([[6, STYLE_WORDS[2], 7, EOS]])
    one, other = (model.encode(x, torch.ones_like(x, dtype=torch.bool)) for x in (ids, short))
    assert_close(one.content.mean, other.content.mean, 1e-12)
    assert one.memory is not None and other.memory is not None
    assert_close(one.memory[:, :4], other.memory[:, :4], 1e-12)
    separate = tiny_model(hide_style_words=True)
    one, other = (separate.encode(x, torch.ones_like(x, dtype=torch.bool)) for x in (ids, short))
    assert (one.content.mean - other.content.mean).abs().max() > 1e-6


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
@pytest.mark.parametrize("kind", ["pooled", "full"])
@pytest.mark.parametrize("scrub", [True, False])
def test_alone_is_as_in_a_padded_batch_with_a_memory(encoder: str, decoder: str, kind: str, scrub: bool) -> None:
    memory = MemoryConfig(kind=kind, window=3, scrub=scrub)  # type: ignore[arg-type]
    model, adversaries = tiny_networks(encoder=encoder, decoder=decoder, memory=memory, hide_style_words=not scrub)
    losses = per_sentence(outputs_of(model, adversaries, tiny_batch()))
    for row, batch in each_alone():
        for name, loss in per_sentence(outputs_of(model, adversaries, batch)).items():
            assert_close(losses[name][row], loss[0], 1e-11, name)


@pytest.mark.parametrize("kind", ["pooled", "full"])
def test_a_memory_does_not_hold_hidden_style_words(kind: str) -> None:
    memory = MemoryConfig(kind=kind, window=3)  # type: ignore[arg-type]
    model = tiny_model(memory=memory, hide_style_words=True)
    ids = torch.tensor([[6, STYLE_WORDS[0], 7, EOS], [6, STYLE_WORDS[1], 7, EOS], [6, 9, 7, EOS]])
    rows = model.encode(ids, ids != PAD).memory
    assert rows is not None and rows.shape[1] == (2 if kind == "pooled" else 4)
    assert_close(rows[0], rows[1], 1e-12)
    assert (rows[0] - rows[2]).abs().max() > 1e-6


@pytest.mark.parametrize(("hide", "word_kinds"), [(True, 0), (True, 2), (False, 0)])
@pytest.mark.parametrize("kind", ["none", "full"])
@pytest.mark.parametrize("join", [False, True])
def test_points_that_are_words_are_encoded_as_words(hide: bool, word_kinds: int, kind: str, join: bool) -> None:
    memory, blanks = MemoryConfig(kind=kind), BlanksConfig(join=join and hide)  # type: ignore[arg-type]
    options = {"hide_style_words": hide, "style_word_kinds": word_kinds, "memory": memory, "blanks": blanks}
    model, batch = tiny_model(**options), tiny_batch()  # type: ignore[arg-type]
    points = torch.nn.functional.one_hot(batch.input_ids, VOCABULARY).double()
    words = model.encode(batch.input_ids, batch.attention_mask)
    read = model.encode(batch.input_ids, batch.attention_mask, points=points)
    for ours, theirs in zip(spaces(read), spaces(words), strict=True):
        assert_close(ours.mean, theirs.mean, 1e-12)
    if kind == "full":
        assert read.memory is not None and words.memory is not None
        assert_close(read.memory, words.memory, 1e-12)


@pytest.mark.parametrize("encoder", OWN_ENCODERS)
def test_hidden_style_words_are_seen_by_the_style_only(encoder: str) -> None:
    model = tiny_model(encoder=encoder, hide_style_words=True)
    ids = torch.tensor([[6, STYLE_WORDS[0], 7, EOS], [9, 10, STYLE_WORDS[1], EOS]])
    other = torch.tensor([[6, STYLE_WORDS[2], 7, EOS], [9, 10, STYLE_WORDS[0], EOS]])
    blank = torch.tensor([[6, MASK, 7, EOS], [9, 10, MASK, EOS]])
    mask = torch.ones_like(ids, dtype=torch.bool)
    first, second, blanked = (model.encode(x, mask) for x in (ids, other, blank))
    assert_close(second.content.mean, first.content.mean, 1e-12)
    assert_close(blanked.content.mean, first.content.mean, 1e-12)
    assert (second.style.mean - first.style.mean).abs().amin() > 1e-9
    plain = tiny_model(encoder=encoder)
    assert_close(plain.encode(ids, mask).style.mean, first.style.mean, 1e-12)
    assert (plain.encode(other, mask).content.mean - plain.encode(ids, mask).content.mean).abs().amax() > 1e-6


@pytest.mark.parametrize("encoder", OWN_ENCODERS)
def test_the_content_knows_the_kinds_of_hidden_words_and_no_more(encoder: str) -> None:
    model = tiny_model(encoder=encoder, hide_style_words=True, style_word_kinds=2)
    one, same, other = (torch.tensor([[6, word, 7, EOS]]) for word in STYLE_WORDS)
    seen = [model.encode(ids, torch.ones_like(ids, dtype=torch.bool)) for ids in (one, same, other)]
    assert_close(seen[0].content.mean, seen[1].content.mean, 1e-12)
    assert (seen[0].content.mean - seen[2].content.mean).abs().max() > 1e-6
    plain = tiny_model(encoder=encoder, hide_style_words=True, style_word_kinds=2)
    plain.set_style_tokens(list(STYLE_WORDS), torch.zeros(model.config.vocab_size, dtype=torch.long))
    untold = [plain.encode(ids, torch.ones_like(ids, dtype=torch.bool)) for ids in (one, other)]
    assert_close(untold[0].content.mean, untold[1].content.mean, 1e-12)
    assert_close(untold[0].style.mean, seen[0].style.mean, 1e-12, "the style sees the words themselves")


@pytest.mark.parametrize("word_kinds", [0, 2])
@pytest.mark.parametrize("encoder", OWN_ENCODERS)
def test_alone_is_as_in_a_padded_batch_with_hidden_style_words(encoder: str, word_kinds: int) -> None:
    model, adversaries = tiny_networks(encoder=encoder, hide_style_words=True, style_word_kinds=word_kinds)
    assert torch.isin(tiny_batch().input_ids, torch.tensor(STYLE_WORDS)).any()
    losses = per_sentence(outputs_of(model, adversaries, tiny_batch()))
    for row, batch in each_alone():
        for name, loss in per_sentence(outputs_of(model, adversaries, batch)).items():
            assert_close(losses[name][row], loss[0], 1e-11, name)


@every_pair
def test_permuting_the_batch_permutes_outputs_and_labels(encoder: str, decoder: str) -> None:
    model, adversaries = tiny_networks(encoder=encoder, decoder=decoder)
    batch = replace(tiny_batch(), style=torch.tensor([0, 1, 2, 2, 0, 1]))
    outputs = outputs_of(model, adversaries, batch, sample=False)
    permuted = outputs_of(model, adversaries, batch.permuted(ORDER), sample=False)
    for name, value in padded(outputs.model).items():
        assert_close(padded(permuted.model)[name], value[ORDER], 1e-11, name)
    losses = per_sentence(outputs)
    for name, value in per_sentence(permuted).items():
        assert_close(value, losses[name][ORDER], 1e-11, name)
    # The labels matter to the test: left behind, they would show.
    left_behind = replace(batch.permuted(ORDER), style=batch.style)
    wrong = per_sentence(outputs_of(model, adversaries, left_behind, sample=False))
    assert not torch.allclose(wrong["J_mul_s"], losses["J_mul_s"][ORDER])


def test_permuting_the_batch_permutes_the_labels_of_every_attribute() -> None:
    model, adversaries = tiny_networks(labels=TWO)
    style = torch.tensor([[0, 1], [1, 0], [2, 0], [2, 1], [0, 0], [1, 1]])
    batch = replace(tiny_batch(labels=TWO), style=style)
    losses = per_sentence(outputs_of(model, adversaries, batch, sample=False))
    for name, value in per_sentence(outputs_of(model, adversaries, batch.permuted(ORDER), sample=False)).items():
        assert_close(value, losses[name][ORDER], 1e-11, name)
    for attribute in range(2):  # left behind, one attribute alone would show
        wrong = style[ORDER].clone()
        wrong[:, attribute] = style[:, attribute]
        found = per_sentence(outputs_of(model, adversaries, replace(batch.permuted(ORDER), style=wrong), sample=False))
        for name in ("J_mul_s", "J_kl_s", "J_dis_s"):
            assert not torch.allclose(found[name], losses[name][ORDER])


def test_sampling_is_only_for_training() -> None:
    model, batch = tiny_model(), tiny_batch()
    for space in spaces(model.encode(batch.input_ids, batch.attention_mask)):
        assert torch.equal(space.value, space.mean)
    for space in spaces(model(batch=batch).latents):
        assert not torch.equal(space.value, space.mean)
    for space in spaces(model(batch=batch, sample=False).latents):
        assert torch.equal(space.value, space.mean)


def test_the_two_spaces_have_different_noise() -> None:
    options = {"style": STYLE_SIZE, "content": CONTENT_SIZE}
    model, batch = tiny_model(), tiny_batch()
    eps = {}
    for (name, size), space in zip(options.items(), spaces(model(batch=batch).latents), strict=True):
        assert space.value.shape[1] == size
        eps[name] = ((space.value - space.mean) / (0.5 * space.log_var).exp())[:, :STYLE_SIZE]
    assert not torch.isclose(eps["style"], eps["content"]).any()


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
def test_the_noisy_input_is_read_and_the_clean_one_is_predicted(encoder: str, decoder: str) -> None:
    """Each field of a batch reaches what it should and nothing else."""
    model, batch = tiny_model(encoder=encoder, decoder=decoder), tiny_batch()
    before = padded(model(batch=batch, sample=False))

    def changed(**fields: torch.Tensor) -> set[str]:
        after = padded(model(batch=replace(batch, **fields), sample=False))
        return {name for name, value in before.items() if not torch.equal(after[name], value)}

    labels = torch.where(batch.labels == 9, 10, batch.labels.clamp(max=VOCABULARY - 2) + (batch.labels >= 0).long())
    assert changed(labels=labels) == {"token_nll"}
    fed = torch.cat((batch.decoder_input_ids[:, :1], batch.decoder_input_ids[:, 1:].flip(0)), dim=1)
    assert changed(decoder_input_ids=fed) == {"token_nll"}
    assert changed(style=(batch.style + 1) % len(LABELS)) == {"z_s.penalty", "z_s.penalty_units"}
    assert changed(bag_ids=batch.bag_ids * 0) == set()
    assert changed(input_ids=batch.input_ids.clamp(max=8)) == set(before)


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
def test_logits_and_losses_of_the_sequence_interface_are_those_of_training(encoder: str, decoder: str) -> None:
    model, batch = tiny_model(encoder=encoder, decoder=decoder), tiny_batch()
    output = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
    nll = model(batch=batch, sample=False).token_nll
    assert_close(output.loss, nll.sum() / batch.num_tokens, 1e-11)
    valid = batch.labels >= 0
    expected = -output.logits.log_softmax(-1)[valid].gather(1, batch.labels[valid][:, None])[:, 0]
    assert_close(nll[valid], expected, 1e-11)
    given = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        decoder_input_ids=batch.decoder_input_ids,
    )
    assert given.loss is None
    assert_close(given.logits[valid], output.logits[valid], 1e-11)
    latents = model.encode(batch.input_ids, batch.attention_mask)
    memory = model.memory(latents.style.mean, latents.content.mean)
    assert memory.shape == (len(batch), 1, STYLE_SIZE + CONTENT_SIZE)
    assert_close(output.encoder_last_hidden_state, memory, 1e-12)


def test_the_memory_is_style_then_content() -> None:
    z_s, z_c = torch.randn(4, STYLE_SIZE), torch.randn(4, CONTENT_SIZE)
    memory = StyleContentVAE.memory(z_s, z_c)
    assert torch.equal(memory[:, 0, :STYLE_SIZE], z_s) and torch.equal(memory[:, 0, STYLE_SIZE:], z_c)


# ---------------------------------------------------------------------------------------------- style vectors
def test_style_vectors_are_the_prior_means_of_a_class_conditional_prior() -> None:
    model = tiny_model(prior="class_conditional")
    model.set_style_means(torch.ones(len(LABELS), STYLE_SIZE), torch.ones(len(LABELS)))
    assert torch.equal(model.style_vectors, model.style_latent.prior_means)


def test_style_vectors_of_a_standard_prior_are_means_of_posterior_means() -> None:
    model = tiny_model(prior="standard")
    sums = torch.arange(9.0, dtype=torch.float64).view(len(LABELS), STYLE_SIZE)
    model.set_style_means(sums, torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64))
    assert_close(model.style_vectors, sums / torch.tensor([[1.0], [2.0], [1.0]]), 1e-12)
    assert not model.style_vectors.requires_grad


@pytest.mark.parametrize("prior", ["standard", "class_conditional"])
def test_the_style_of_several_labels_is_a_block_for_each(prior: str) -> None:
    model = tiny_model(prior=prior, labels=TWO)
    model.set_style_means(torch.randn(5, STYLE_SIZE), torch.ones(5))
    table = model.style_vectors
    labels = torch.tensor([[2, 1], [0, 0]])
    for strength in (0.0, 1.0, 2.5):
        found = model.style_vector(labels, strength)
        for row, (sentiment, tense) in enumerate(labels.tolist()):
            for block, own, group in ((0, table[sentiment], table[:3]), (1, table[3 + tense], table[3:])):
                expected = group.mean(0) + strength * (own - group.mean(0))
                assert_close(found[row, block * STYLE_SIZE : (block + 1) * STYLE_SIZE], expected, 1e-12)


def test_a_labels_prior_head_and_logits_concern_its_own_block_only() -> None:
    model = tiny_model(labels=TWO)
    z_s = torch.randn(4, 2 * STYLE_SIZE, dtype=torch.float64, requires_grad=True)
    for attribute, logits in enumerate(model.style_head(z_s)):
        (gradient,) = torch.autograd.grad(logits.sum(), z_s)
        own = slice(attribute * STYLE_SIZE, (attribute + 1) * STYLE_SIZE)
        assert gradient[:, own].abs().min() > 0
        gradient[:, own] = 0
        assert not gradient.any()
    batch = tiny_batch(labels=TWO)
    units = model(batch=batch, sample=False).latents.style.penalty_units
    other = model(batch=replace(batch, style=(batch.style + torch.tensor([0, 1])) % 2), sample=False)
    changed = (other.latents.style.penalty_units - units).abs()
    kept = batch.style[:, 0] < 2
    assert not changed[kept, :STYLE_SIZE].any() and changed[:, STYLE_SIZE:].abs().max() > 1e-6


def test_two_attributes_cost_what_each_alone_would() -> None:
    """J_mul_s, J_adv_s, J_dis_s and J_kl_s are sums over attributes."""
    model, adversaries = tiny_networks(labels=TWO)
    batch = tiny_batch(labels=TWO)
    outputs = outputs_of(model, adversaries, batch, sample=False)
    losses = per_sentence(outputs)
    rows = torch.arange(len(batch))
    logits = outputs.model.style_logits
    assert [x.shape[1] for x in logits] == [3, 2]
    expected = -sum(x.log_softmax(1)[rows, batch.style[:, a]] for a, x in enumerate(logits))
    assert_close(losses["J_mul_s"], expected, 1e-12)
    read = [x.log_softmax(1) for x in outputs.adversaries.style_logits]
    assert_close(losses["J_dis_s"], -sum(x[rows, batch.style[:, a]] for a, x in enumerate(read)), 1e-12)
    assert_close(losses["J_adv_s"], sum((x.exp() * x).sum(1) for x in read), 1e-12)
    style = outputs.model.latents.style
    assert_close(losses["J_kl_s"], style.penalty_units.sum(1), 1e-12)
    means = torch.cat(
        (model.style_latent.prior_means[batch.style[:, 0]], model.style_latent.prior_means[3 + batch.style[:, 1]]), 1
    )
    log_var = style.log_var
    assert log_var is not None
    assert_close(style.penalty_units, 0.5 * (log_var.exp() + (style.mean - means) ** 2 - 1 - log_var), 1e-12)


@pytest.mark.parametrize("prior", ["standard", "class_conditional"])
def test_strength_moves_along_the_line_from_the_neutral_vector(prior: str) -> None:
    model = tiny_model(prior=prior)
    model.set_style_means(torch.randn(len(LABELS), STYLE_SIZE), torch.ones(len(LABELS)))
    vectors = model.style_vectors
    for label in range(len(LABELS)):
        assert_close(model.style_vector(label), vectors[label], 1e-12)
        assert_close(model.style_vector(label, 0.0), vectors.mean(0), 1e-12)
        doubled = model.style_vector(label, 2.0) - vectors.mean(0)
        assert_close(doubled, 2 * (vectors[label] - vectors.mean(0)), 1e-12)


# ---------------------------------------------------------------------------------------------- initial weights
def test_initial_weights() -> None:
    model = tiny_model(encoder="transformer", decoder="gru")
    assert not model.embedding.weight[PAD].any()
    assert 0.05 < model.embedding.weight[BOS:].std() < 0.2
    means = model.style_latent.prior_means
    assert_close(means @ means.T, 4.0 * torch.eye(len(LABELS)), 1e-5)
    for block in tiny_model(labels=TWO).style_latent.prior_means.split((3, 2)):
        assert_close(block @ block.T, 4.0 * torch.eye(len(block)), 1e-5)
    assert not model.style_means.any()


def test_the_seed_decides_the_initial_weights() -> None:
    first, again, other = (tiny_model(seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embedding.weight"], other["embedding.weight"])


@every_pair
@every_number_of_attributes
def test_every_parameter_takes_part_in_training(encoder: str, decoder: str, labels: Labels) -> None:
    """Data-parallel training hangs or raises if a parameter has no gradient."""
    model, adversaries = tiny_networks(encoder=encoder, decoder=decoder, labels=labels)
    batch = tiny_batch(labels=labels)
    sum(loss.sum() for loss in per_sentence(outputs_of(model, adversaries, batch)).values()).backward()  # type: ignore[union-attr]
    assert [n for m in (model, adversaries) for n, p in m.named_parameters() if p.grad is None] == []


def test_embedding_dropout_only_in_training() -> None:
    model, batch = tiny_model(dropout=0.5), tiny_batch()
    first, second = (model(batch=batch, sample=False).token_nll for _ in range(2))
    assert torch.equal(first, second)
    model.train()
    assert not torch.equal(model(batch=batch, sample=False).token_nll, first)


def test_the_stored_strength_is_the_default() -> None:
    model = tiny_model()
    model.config.transfer_strength = 2.5
    assert torch.equal(model.style_vector(1), model.style_vector(1, 2.5))
    assert not torch.equal(model.style_vector(1), model.style_vector(1, 1.0))


def test_kinds_of_words_that_are_not_hidden_are_refused() -> None:
    for options in ({"memory": MemoryConfig("full", translate=True)}, {"blanks": BlanksConfig(join=True)}):
        with pytest.raises(UserError, match="hide_style_words"):
            tiny_model(**options)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"memory\.kind"):
        MemoryConfig(translate=True)
    with pytest.raises(UserError, match="hide_style_words"):
        tiny_model(style_word_kinds=2)
