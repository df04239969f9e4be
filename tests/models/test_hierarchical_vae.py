"""Laws of the hierarchical autoencoder."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSeq2SeqLM

from tests.document_laws import (
    DOCUMENT_SIZE,
    SENTENCE_SIZE,
    document_loader,
    hierarchical_model,
    hierarchical_model_config,
)
from tests.laws import DIAGONAL, EOS, MASK, assert_close, assert_same_bits, each_alone, tiny_batch
from textvae.errors import UserError
from textvae.extras.documents.config import HierarchicalModelConfig
from textvae.extras.documents.hierarchical_vae import DocumentTable, HierarchicalOutput, HierarchicalVAE
from textvae.extras.documents.recipe import infer_means
from textvae.inference.config import DecodingConfig
from textvae.inference.decoding import decode
from textvae.modules.config import DecoderConfig, LatentConfig


def values(output: HierarchicalOutput) -> dict[str, torch.Tensor]:
    """Everything per sentence."""
    found = {"nll": output.token_nll.sum(1)}
    for name in ("sentence", "document"):
        latent = getattr(output.factors, name)
        found |= {f"{name}.{part}": getattr(latent, part) for part in ("value", "mean", "log_var", "penalty")}
    return found


@pytest.mark.parametrize(("encoder", "decoder"), DIAGONAL)
def test_alone_is_as_in_a_padded_batch(encoder: str, decoder: str) -> None:
    model = hierarchical_model(encoder=encoder, decoder=decoder)
    whole = values(model(batch=tiny_batch()))
    for row, batch in each_alone():
        for name, value in values(model(batch=batch)).items():
            assert_close(value[0], whole[name][row], 1e-9, name)


def test_permuting_the_batch_permutes_the_outputs() -> None:
    model, batch = hierarchical_model(), tiny_batch()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    before = values(model(batch=batch, sample=False))
    for name, value in values(model(batch=batch.permuted(order), sample=False)).items():
        assert_close(value, before[name][order], 1e-9, name)


def test_the_posterior_of_z1_reads_z2_and_that_of_z2_does_not_read_z1() -> None:
    """Other noise moves z2, and with it the mean of z1; the mean of z2 stays."""
    model, batch = hierarchical_model(), tiny_batch()
    assert batch.key is not None
    other = replace(batch, key=replace(batch.key, seed=99))
    one, two = (model(batch=b).factors for b in (batch, other))
    assert torch.equal(one.document.mean, two.document.mean)
    assert bool(((one.sentence.mean - two.sentence.mean).abs() > 1e-6).any(1).all())
    assert not torch.allclose(one.sentence.value - one.sentence.mean, one.document.value[:, :SENTENCE_SIZE])


def test_the_decoder_reads_both_factors() -> None:
    model, batch = hierarchical_model(), tiny_batch()
    output = model(batch=batch)
    (by_1, by_2) = torch.autograd.grad(
        output.token_nll.sum(), (output.factors.sentence.value, output.factors.document.value), retain_graph=True
    )
    assert bool((by_1.abs().sum(1) > 0).all()) and bool((by_2.abs().sum(1) > 0).all())
    memory = model.memory(output.factors.sentence.value, output.factors.document.value)
    assert memory.shape == (6, 1, SENTENCE_SIZE + DOCUMENT_SIZE)


def test_the_document_code_alone_is_the_posterior_mean() -> None:
    model, batch = hierarchical_model(), tiny_batch()
    codes = model.encode_document(batch.input_ids, batch.attention_mask)
    assert torch.equal(codes, model.encode(batch.input_ids, batch.attention_mask).document.mean)


def test_saved_and_loaded_gives_the_same_bits(tmp_path: Path) -> None:
    model = hierarchical_model(dtype=torch.float32)
    torch.manual_seed(1)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.add_(0.05 * torch.rand_like(tensor))
    model.save_pretrained(tmp_path)
    for factory in (HierarchicalVAE, AutoModel, AutoModelForSeq2SeqLM):
        loaded = factory.from_pretrained(tmp_path)  # type: ignore[attr-defined]
        assert type(loaded) is HierarchicalVAE and not loaded.training
        assert_same_bits(loaded.state_dict(), model.state_dict())
        ours, theirs = values(model(batch=tiny_batch())), values(copy.deepcopy(loaded)(batch=tiny_batch()))
        assert_same_bits(theirs, ours)


@pytest.mark.parametrize("part", ["sentence_encoder", "sentence_decoder", "sentence_space", "document_space"])
def test_an_unknown_key_of_a_part_is_refused(tmp_path: Path, part: str) -> None:
    hierarchical_model(dtype=torch.float32).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config[part]["sizes"] = 9
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="sizes"):
        HierarchicalVAE.from_pretrained(tmp_path)


@pytest.mark.parametrize("options", [{"kind": "deterministic"}, {"prior": "class_conditional"}, {"erase_labels": True}])
@pytest.mark.parametrize("space", ["sentence", "document"])
def test_spaces_that_the_bound_is_not_written_for_are_refused(space: str, options: dict) -> None:
    with pytest.raises(UserError, match=f"model.{space} must be gaussian"):
        HierarchicalModelConfig(**{space: LatentConfig(**options)})


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="free_bits"):
        HierarchicalModelConfig(document=LatentConfig(free_bits=0.1))
    with pytest.raises(UserError, match="decoder.kind pretrained"):
        HierarchicalModelConfig(decoder=DecoderConfig(kind="pretrained", pretrained="gpt2"))
    assert hierarchical_model_config().document.size == DOCUMENT_SIZE


@torch.no_grad()
def test_greedy_decoding_is_what_generate_of_transformers_writes() -> None:
    model, batch = hierarchical_model(), tiny_batch()
    model.output.linear.bias[: MASK + 1] = -99.0  # special tokens are never written, but `</s>`
    model.output.linear.bias[EOS] = 0.5
    memory = model.read_memory(batch.input_ids, batch.attention_mask)
    own = decode(model.decoder, model.output, model.embedding, memory, DecodingConfig(max_length=6, min_length=0))
    theirs = model.generate(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, max_new_tokens=6, do_sample=False
    )[:, 1:]
    for mine, other in zip(own.tokens[:, 0].tolist(), theirs.tolist(), strict=True):
        length = mine.index(2) + 1 if 2 in mine else len(mine)
        assert mine[: min(length, 6)] == other[: min(length, 6)]


@torch.no_grad()
def test_means_are_inferred_from_all_sentences_of_each_document() -> None:
    """Σ z̄2 / (N + .25), whatever the batches and whoever else is in the block."""
    model, loader = hierarchical_model(), document_loader(3)
    means = infer_means(model, loader.reading(1))
    for row, document in enumerate(loader.members(1)):
        rows = np.flatnonzero(loader.corpus.labels == document)
        batch = loader.collator(loader.corpus, rows)
        codes = model.encode_document(batch.input_ids, batch.attention_mask)
        assert_close(means[row], codes.sum(0) / (len(rows) + 0.25), 1e-9)


def test_a_table_holds_a_block_and_knows_its_rows() -> None:
    table = DocumentTable(4, 2)
    assert int(table.block) == -1 and not bool(table.used.any())
    table.fill(7, torch.ones(3, 2))
    assert table.used.tolist() == [True, True, True, False] and int(table.block) == 7
    assert table().tolist() == [[1, 1], [1, 1], [1, 1], [0, 0]]
    table.fill(8, torch.full((2, 2), 2.0))
    assert table().tolist() == [[2, 2], [2, 2], [0, 0], [0, 0]] and int(table.members) == 2
