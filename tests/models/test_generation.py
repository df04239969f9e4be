"""`generate` of transformers, from sentences and from latents."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput

from tests.laws import BOS, CONTENT_SIZE, EOS, MASK, OWN_DECODERS, PAD, STYLE_SIZE, tiny_batch, tiny_model
from textvae.inference.decoding import DecodingConfig, decode
from textvae.models.style_content_vae import StyleContentVAE

WORDS = 8
every_decoder = pytest.mark.parametrize("decoder", OWN_DECODERS)


def peaked(decoder: str) -> StyleContentVAE:
    """A model whose sentences differ in words and in length."""
    model = tiny_model(decoder=decoder, dtype=torch.float64)
    torch.manual_seed(4)
    with torch.no_grad():
        model.embedding.weight.mul_(10)
        for name, parameter in model.decoder.named_parameters():
            if "norm" not in name:
                parameter.mul_(2.0)
        model.output.linear.weight.normal_(std=1.5)
        model.output.linear.bias[: MASK + 1] = -99.0  # special tokens are never written, but the last one
        model.output.linear.bias[EOS] = 1.0
    return model


def memories(rows: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return 3 * torch.randn(rows, 1, STYLE_SIZE + CONTENT_SIZE, generator=generator, dtype=torch.float64)


def from_latent(model: StyleContentVAE, memory: Tensor, **options: object) -> Tensor:
    found = model.generate(encoder_outputs=BaseModelOutput(last_hidden_state=memory), max_new_tokens=WORDS, **options)
    assert isinstance(found, Tensor)
    return found


def by_hand(model: StyleContentVAE, memory: Tensor) -> Tensor:
    """Greedy search by whole forward passes."""
    tokens = torch.full((len(memory), 1), BOS)
    done = torch.zeros(len(memory), dtype=torch.bool)
    with torch.no_grad():
        while tokens.shape[1] <= WORDS and not done.all():
            logits = model(encoder_outputs=BaseModelOutput(last_hidden_state=memory), decoder_input_ids=tokens).logits
            best = torch.where(done, PAD, logits[:, -1].argmax(-1))
            tokens, done = torch.cat((tokens, best[:, None]), dim=1), done | (best == EOS)
    return tokens


@every_decoder
def test_greedy_from_a_latent(decoder: str) -> None:
    model, memory = peaked(decoder), memories()
    found = from_latent(model, memory, do_sample=False, num_beams=1)
    assert torch.equal(found, by_hand(model, memory))
    assert (found[:, 0] == BOS).all()
    assert len(found.unique(dim=0)) > 1, "z must matter for the test to mean anything"


@every_decoder
def test_greedy_is_the_projects_own_greedy(decoder: str) -> None:
    model, memory = peaked(decoder), memories()
    found = from_latent(model, memory, do_sample=False, num_beams=1)[:, 1:]
    config = DecodingConfig(max_length=WORDS, min_length=0, allow_unk=True)
    own = decode(model.decoder, model.output, model.embedding, memory, config).tokens[:, 0]
    for theirs, ours in zip(found.tolist(), own.tolist(), strict=True):
        theirs, ours = ([t for t in row if t != PAD] for row in (theirs, ours))
        # At the limit of the length ours closes the sentence where `generate` breaks off.
        assert ours[: len(theirs)] == theirs if len(theirs) == WORDS else ours == theirs


@every_decoder
def test_from_sentences_is_from_their_posterior_means(decoder: str) -> None:
    model, batch = peaked(decoder), tiny_batch()
    latents = model.encode(batch.input_ids, batch.attention_mask)
    memory = model.memory(latents.style.mean, latents.content.mean)
    expected = from_latent(model, memory.detach(), do_sample=False)
    mask = batch.attention_mask.long()
    found = model.generate(batch.input_ids, attention_mask=mask, max_new_tokens=WORDS, do_sample=False)
    assert torch.equal(found, expected)
    alone = model.generate(batch.input_ids[:1], attention_mask=mask[:1], max_new_tokens=WORDS, do_sample=False)
    width = min(alone.shape[1], found.shape[1])
    assert torch.equal(alone[0, :width], found[0, :width])


@every_decoder
def test_beams_find_sentences_at_least_as_likely(decoder: str) -> None:
    model, memory = peaked(decoder), memories()

    def score(tokens: Tensor) -> Tensor:
        after_end = (tokens[:, 1:] == EOS).long().cumsum(1) - (tokens[:, 1:] == EOS).long() > 0
        labels = tokens[:, 1:].masked_fill(after_end | (tokens[:, 1:] == PAD), -100)
        return -model.token_nll(model.decoder(memory, model.embedding(tokens[:, :-1])), labels).sum(1)

    with torch.no_grad():
        greedy = score(from_latent(model, memory, do_sample=False, num_beams=1))
        beams = from_latent(model, memory, do_sample=False, num_beams=6, length_penalty=0.0)
        assert (score(beams) >= greedy - 1e-9).all()
        assert (score(beams) > greedy + 1e-6).any()


@every_decoder
def test_sampling_follows_the_seed_and_varies(decoder: str) -> None:
    model, memory = peaked(decoder), memories()
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(from_latent(model, memory, do_sample=True, min_new_tokens=WORDS))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    assert (found[0] != by_hand(model, memory)[:, : found[0].shape[1]]).any() or found[0].shape[1] > WORDS


def test_several_sentences_of_one_latent() -> None:
    model = peaked("gru")
    torch.manual_seed(0)
    found = from_latent(model, memories(2), do_sample=True, num_return_sequences=4)
    assert found.shape[0] == 8


def test_generation_ends_by_itself() -> None:
    """Without a limit given, the model's own maximum holds."""
    model = tiny_model()
    found = model.generate(encoder_outputs=BaseModelOutput(last_hidden_state=memories(2)), do_sample=False)
    assert found.shape[1] <= model.config.max_length + 1
