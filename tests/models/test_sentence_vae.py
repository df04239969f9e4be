"""Laws of the sentence autoencoder, over every latent with every prior."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForSeq2SeqLM

from tests.laws import DIAGONAL, EOS, LABELS, MASK, assert_close, assert_same_bits, each_alone, tiny_batch
from tests.sentence_laws import KINDS, SIZE, sentence_model
from textvae.errors import UserError
from textvae.inference.config import DecodingConfig
from textvae.inference.decoding import decode
from textvae.models.sentence_vae import SentenceOutput, SentenceVAE
from textvae.modules.latents.vq import VQLatent
from textvae.modules.noise import NoiseKey

every_latent = pytest.mark.parametrize(("latent", "prior"), KINDS)


def values(output: SentenceOutput, row: int | slice = slice(None)) -> dict[str, torch.Tensor]:
    """Everything per sentence, floats only."""
    found = {"nll": output.token_nll.sum(1), "value": output.latent.value, "mean": output.latent.mean}
    return {name: value[row] for name, value in found.items()}


@every_latent
def test_alone_is_as_in_a_padded_batch(latent: str, prior: str) -> None:
    model = sentence_model(latent=latent, prior=prior)
    whole = model(batch=tiny_batch())
    for row, batch in each_alone():
        for name, value in values(model(batch=batch), 0).items():
            assert_close(value, values(whole, row)[name], 1e-9, name)


@every_latent
def test_permuting_the_batch_permutes_the_outputs(latent: str, prior: str) -> None:
    model, batch = sentence_model(latent=latent, prior=prior), tiny_batch()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    before, after = model(batch=batch, sample=False), model(batch=batch.permuted(order), sample=False)
    for name, value in values(after).items():
        assert_close(value, values(before, order)[name], 1e-9, name)  # type: ignore[arg-type]


@every_latent
def test_saved_and_loaded_gives_the_same_bits(tmp_path: Path, latent: str, prior: str) -> None:
    model = sentence_model(dtype=torch.float32, latent=latent, prior=prior, bag_of_words=True)
    torch.manual_seed(1)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.05 * torch.rand_like(tensor))
    model.save_pretrained(tmp_path)
    for factory in (SentenceVAE, AutoModel, AutoModelForSeq2SeqLM):
        loaded = factory.from_pretrained(tmp_path)  # type: ignore[attr-defined]
        assert type(loaded) is SentenceVAE and not loaded.training
        assert_same_bits(loaded.state_dict(), model.state_dict())
        ours, theirs = model(batch=tiny_batch()), copy.deepcopy(loaded)(batch=tiny_batch())
        for name, value in values(ours).items():
            assert torch.equal(value, values(theirs)[name]), name
        key, other = NoiseKey(3, 0, 5), copy.deepcopy(loaded)
        assert torch.equal(model.sample_prior(5, key=key), other.sample_prior(5, key=key))


@pytest.mark.parametrize("part", ["sentence_encoder", "sentence_decoder", "latent_space"])
def test_an_unknown_key_of_a_part_is_refused(tmp_path: Path, part: str) -> None:
    sentence_model(dtype=torch.float32).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config[part]["sizes"] = 9
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match="sizes"):
        SentenceVAE.from_pretrained(tmp_path)


@every_latent
@torch.no_grad()
def test_the_prior_is_sampled_by_label_and_key(latent: str, prior: str) -> None:
    model = sentence_model(latent=latent, prior=prior)
    if isinstance(model.latent, VQLatent):
        model.latent.prior.first.mul_(30)  # labels hardly count in a prior over codes that has learnt nothing
    one, again, other = (model.sample_prior(7, key=NoiseKey(seed, 0, 7)) for seed in (1, 1, 2))
    assert one.shape == (7, SIZE) and torch.equal(one, again) and not torch.equal(one, other)
    same = [model.sample_prior(7, label=y, key=NoiseKey(1, 0, 7)) for y in range(len(LABELS))]
    if prior == "class_conditional":
        assert not torch.equal(same[0], same[1])
        assert_close(one, torch.stack([same[i % len(LABELS)][i] for i in range(7)]), 1e-12)
    else:
        assert torch.equal(same[0], same[1]) and torch.equal(same[0], one)


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
@torch.no_grad()
def test_greedy_decoding_is_what_generate_of_transformers_writes(encoder: str, decoder: str) -> None:
    model, batch = sentence_model(encoder=encoder, decoder=decoder), tiny_batch()
    model.output.linear.bias[: MASK + 1] = -99.0  # special tokens are never written, but `</s>`
    model.output.linear.bias[EOS] = 0.5
    z = model.encode(batch.input_ids, batch.attention_mask).value
    own = decode(
        model.decoder, model.output, model.embedding, model.memory(z), DecodingConfig(max_length=6, min_length=0)
    )
    theirs = model.generate(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, max_new_tokens=6, do_sample=False
    )[:, 1:]
    logits = model(batch.input_ids, batch.attention_mask, decoder_input_ids=batch.decoder_input_ids).logits
    assert logits.shape[:2] == batch.input_ids.shape
    for mine, other in zip(own.tokens[:, 0].tolist(), theirs.tolist(), strict=True):
        length = mine.index(2) + 1 if 2 in mine else len(mine)
        assert mine[: min(length, 6)] == other[: min(length, 6)]


def test_the_bag_of_words_layer_reads_nothing_but_z() -> None:
    model = sentence_model(bag_of_words=True)
    output = model(batch=tiny_batch())
    assert model.bag_head is not None and output.bag_logits is not None
    assert torch.equal(output.bag_logits, model.bag_head(output.latent.value))
    assert sentence_model()(batch=tiny_batch()).bag_logits is None
