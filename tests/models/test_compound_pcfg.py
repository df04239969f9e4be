"""Laws of the grammar with and without a vector of the sentence."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from tests.laws import EOS, MASK, UNK, assert_close, assert_same_bits, each_alone, tiny_batch
from tests.tree_laws import every_grammar, tree_model
from textvae.errors import UserError
from textvae.extras.trees.compound_pcfg import CompoundPCFG, TreeOutput
from textvae.extras.trees.inside import inside, span_marginals
from textvae.modules.noise import NoiseKey


def values(output: TreeOutput) -> dict[str, torch.Tensor]:
    """Everything per sentence."""
    found = {"nll": output.nll}
    return found if output.latent is None else {**found, "value": output.latent.value, "kl": output.latent.penalty}


@every_grammar
def test_alone_is_as_in_a_padded_batch(kind: str, encoder: str) -> None:
    model = tree_model(kind, encoder)
    whole, trees = values(model(batch=tiny_batch())), model.trees(tiny_batch())
    for row, batch in each_alone():
        for name, value in values(model(batch=batch)).items():
            assert_close(value[0], whole[name][row], 1e-9, name)
        assert model.trees(batch) == [trees[row]]


@every_grammar
def test_permuting_the_batch_permutes_the_outputs(kind: str, encoder: str) -> None:
    model, batch, order = tree_model(kind, encoder), tiny_batch(), torch.tensor([3, 0, 5, 1, 4, 2])
    before, after = (values(model(batch=b, sample=False)) for b in (batch, batch.permuted(order)))
    for name, value in after.items():
        assert_close(value, before[name][order], 1e-9, name)
    trees = model.trees(batch)
    assert model.trees(batch.permuted(order)) == [trees[i] for i in order.tolist()]


@every_grammar
def test_saved_and_loaded_gives_the_same_bits(tmp_path: Path, kind: str, encoder: str) -> None:
    model = tree_model(kind, encoder, dtype=torch.float32)
    model.save_pretrained(tmp_path)
    for factory in (CompoundPCFG, AutoModel):
        loaded = factory.from_pretrained(tmp_path)  # type: ignore[attr-defined]
        assert type(loaded) is CompoundPCFG and not loaded.training
        assert_same_bits(loaded.state_dict(), model.state_dict())
        ours, theirs = values(model(batch=tiny_batch())), values(copy.deepcopy(loaded)(batch=tiny_batch()))
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
        assert loaded.trees(tiny_batch()) == model.trees(tiny_batch())


@pytest.mark.parametrize("part", ["grammar", "sentence_encoder", "latent_space"])
def test_an_unknown_key_of_a_part_is_refused(tmp_path: Path, part: str) -> None:
    tree_model(dtype=torch.float32).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config[part]["sizes"] = 9
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="sizes"):
        CompoundPCFG.from_pretrained(tmp_path)


def test_without_z_there_are_no_networks_for_it() -> None:
    model = tree_model("neural")
    assert model.latent is None and {name.split(".")[0] for name, _ in model.named_parameters()} == {"grammar"}
    assert model.sample_prior(3) is None and model(batch=tiny_batch()).latent is None
    rules, _ = model.rules(tiny_batch())
    assert len(rules.root) == 1 and len(rules.binary) == 1, "one grammar for all sentences"


def test_z_changes_the_rules_and_the_gradient_reaches_the_encoder_through_it() -> None:
    model, batch = tree_model(), tiny_batch()
    one, other = (model.nll(batch, model.sample_prior(len(batch), key=NoiseKey(s, 0, 6))) for s in (1, 2))
    assert not torch.allclose(one, other)
    output = model(batch=batch)
    (gradient,) = torch.autograd.grad(output.nll.sum(), model.sentence_encoder.rnn.weight_hh_l0)
    assert bool(gradient.any())


def test_the_noise_is_drawn_by_place_and_not_without_being_asked() -> None:
    model, batch = tree_model(), tiny_batch()
    first, again, mean = model(batch=batch), model(batch=batch), model(batch=batch, sample=False)
    assert torch.equal(first.nll, again.nll) and not torch.allclose(first.nll, mean.nll)
    assert mean.latent is not None and torch.equal(mean.latent.value, mean.latent.mean)


def test_special_tokens_are_never_written_but_the_unknown_word_is() -> None:
    model = tree_model("neural")
    words = model.grammar.log_probs(model.grammar.words, model.grammar.writing, None).exp()
    assert not words[..., [0, 1, EOS, MASK]].any() and bool((words[..., UNK] > 0).all())


@every_grammar
def test_trees_are_binary_and_as_long_as_their_sentences(kind: str, encoder: str) -> None:
    batch = tiny_batch()
    for row, spans in enumerate(tree_model(kind, encoder).trees(batch)):
        length = int((batch.labels[row] >= 0).sum()) - 1
        assert len(spans) == length - 1 and (length == 1 or (0, length) in spans)
        assert not any(a < c < b < d for a, b in spans for c, d in spans), "no two cross"


def test_the_mean_of_z_decides_the_tree() -> None:
    model, batch = tree_model(), tiny_batch()
    rules, lengths = model.rules(batch, model.encode(batch).mean)
    marginals = span_marginals(rules, lengths)
    for row, spans in enumerate(model.trees(batch)):
        kept = sum(float(marginals[row, j - i - 1, i]) for i, j in spans)
        assert 1 - 1e-9 <= kept <= int(lengths[row]) - 1 + 1e-9 or lengths[row] == 1
    assert not marginals.requires_grad


def test_autocast_leaves_the_likelihood_exact() -> None:
    model, batch = tree_model("neural", dtype=torch.float32), tiny_batch()
    rules, lengths = model.rules(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model.nll(batch)
        assert found.dtype == torch.float32
    torch.testing.assert_close(found, -inside(rules, lengths), rtol=0.02, atol=0.05)
