"""The summarizer as a model: its two halves, its configuration, saving and loading."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM

from tests.laws import BOS, EOS, assert_close, assert_same_bits
from textvae.errors import UserError
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.models.seq2seq2seq_configuration import Seq2Seq2SeqConfig, Seq2Seq2SeqModelConfig, pretrained_config
from textvae.modules.attentive_decoders import ATTENTIVE_DECODERS
from textvae.modules.config import Seq2SeqConfig
from textvae.modules.seq2seq import Seq2Seq

VOCABULARY, SLOTS = 31, 4
KINDS = sorted(ATTENTIVE_DECODERS)
PARTS = ("generator", "reconstructor")
COMBINATIONS = [(g, KINDS[(i + 1) % len(KINDS)], c) for i, g in enumerate(KINDS) for c in (False, True)]
every_combination = pytest.mark.parametrize(("generator", "reconstructor", "copying"), COMBINATIONS)


def model_config(generator: str = "lstm", reconstructor: str = "gru", copying: bool = True) -> Seq2Seq2SeqModelConfig:
    return Seq2Seq2SeqModelConfig(
        Seq2SeqConfig(kind=generator, size=8, layers=2, heads=2, embedding_size=6),  # type: ignore[arg-type]
        Seq2SeqConfig(kind=reconstructor, size=4, heads=2, embedding_size=5, copy=copying),  # type: ignore[arg-type]
        slots=SLOTS,
    )


def build(seed: int = 0, dtype: torch.dtype = torch.float32, **options: Any) -> Seq2Seq2Seq:
    """A model in eval mode with no weight at its initial value."""
    torch.manual_seed(seed)
    model = Seq2Seq2Seq(pretrained_config(model_config(**options), VOCABULARY, 12, 6))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.to(dtype).eval()


def texts() -> tuple[Tensor, Tensor, Tensor]:
    """Documents (3, 7), their mask, and summaries (3, 4) as labels."""
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(7) < torch.tensor([7, 2, 5])[:, None]
    documents = torch.where(mask, torch.randint(5, VOCABULARY, (3, 7), generator=generator), 0)
    labels = torch.tensor([[6, 7, 8, EOS], [9, EOS, -100, -100], [30, 6, EOS, -100]])
    return documents, mask, labels


@torch.no_grad()
def everything(model: Seq2Seq2Seq) -> list[Tensor]:
    documents, mask, labels = texts()
    made = []
    for name in PARTS:
        for lengths in (None, torch.tensor([3, 1, 2])):
            output = model(documents, mask, labels=labels, lengths=lengths, part=name)
            made += [output.loss, output.logits, output.encoder_last_hidden_state]
    return made


# ---------------------------------------------------------------------------------------------- two halves
def test_the_halves_share_no_weight() -> None:
    model = build()
    pointers = [{p.data_ptr() for p in part.parameters()} for part in (model.generator, model.reconstructor)]
    assert not pointers[0] & pointers[1]
    assert {n.split(".")[0] for n, _ in model.named_parameters()} == set(PARTS)
    assert model.generator.embedding.weight.shape == (VOCABULARY, 6)
    assert model.reconstructor.embedding.weight.shape == (VOCABULARY, 5)


def test_the_loss_of_one_half_moves_only_that_half() -> None:
    documents, mask, labels = texts()
    for name in PARTS:
        model = build()
        model(documents, mask, labels=labels, part=name).loss.backward()
        moved = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
        assert moved == {name}


def test_the_reconstruction_loss_reaches_the_generator_through_the_summary() -> None:
    """The reconstructor knows nothing of the document but what the summary, a point on the simplex, says."""
    documents, mask, _ = texts()
    model = build(dtype=torch.float64)
    start = torch.full((3, 3), BOS)
    written = model.generator.write(model.generator.read(documents, mask), start)
    summary = model.generator.log_probs(written).exp()
    labels = torch.where(mask, documents, -100)
    nll, _ = model.reconstructor(summary, torch.ones(3, 3, dtype=torch.bool), F.pad(documents[:, :-1], (1, 0)), labels)
    nll.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_new_models_begin_as_networks_alone_do() -> None:
    """`post_init` of transformers initialises again; it must not do it differently."""
    model = Seq2Seq2Seq(pretrained_config(model_config(), 3000, 12, 6))
    for part in (model.generator, model.reconstructor):
        alone = Seq2Seq(part.config, 3000)
        for (name, made), expected in zip(part.named_parameters(), alone.parameters(), strict=True):
            assert made.shape == expected.shape
            if made.numel() < 100:
                continue
            assert abs(made.std() / expected.std() - 1) < 0.25 if expected.any() else not made.any(), name


def test_forward_is_read_write_and_score() -> None:
    model, (documents, mask, labels) = build(dtype=torch.float64), texts()
    inputs = torch.tensor([[BOS, 6, 7, 8], [BOS, 9, EOS, 0], [BOS, 30, 6, EOS]])
    for name in PARTS:
        network: Seq2Seq = getattr(model, name)
        nll, written = network(documents, mask, inputs, labels)
        output = model(documents, mask, inputs, labels, part=name)
        assert_close(output.loss, nll.sum() / 9, 1e-12)
        assert_close(output.logits, network.log_probs(written), 1e-12)
        assert_close(model(documents, labels=labels, part=name).loss, output.loss, 1e-12, "mask and inputs made")
        corners = F.one_hot(documents, VOCABULARY).double()
        assert_close(model(corners, mask, inputs, labels, part=name).logits, output.logits, 1e-12)
    assert model(documents, decoder_input_ids=inputs).loss is None


# ---------------------------------------------------------------------------------------------- configuration
def test_every_choice_of_the_user_reaches_the_saved_configuration() -> None:
    config = model_config("gru", "transformer", copying=False)
    config.generator.dropout, config.reconstructor.word_dropout = 0.25, 0.5
    made = pretrained_config(config, VOCABULARY, 12, 6)
    assert made.parts() == (config.generator, config.reconstructor)
    assert (made.vocab_size, made.slots, made.max_source, made.max_target) == (VOCABULARY, SLOTS, 12, 6)
    assert pretrained_config(config, VOCABULARY, 12, 6, slots=0).slots == 0
    config.generator.size = 1
    assert made.parts()[0].size == 8, "a copy"


def test_the_default_reconstructor_is_the_smaller_one() -> None:
    config = Seq2Seq2SeqModelConfig()
    assert config.reconstructor.size < config.generator.size
    assert config.reconstructor.embedding_size < config.generator.embedding_size
    assert config.reconstructor.word_dropout == 0.5 and config.generator.word_dropout == 0.0


@pytest.mark.parametrize(("slots", "vocabulary"), [(-1, 31), (27, 31), (31, 31)])
def test_slots_must_fit_the_vocabulary(slots: int, vocabulary: int) -> None:
    with pytest.raises(UserError, match="slots"):
        pretrained_config(model_config(), vocabulary, 12, 6, slots=slots)
    if slots < 0:
        with pytest.raises(UserError, match="slots"):
            Seq2Seq2SeqModelConfig(slots=slots)


def test_defaults_without_parts() -> None:
    assert Seq2Seq2SeqConfig().parts() == (Seq2SeqConfig(), Seq2SeqConfig())


# ---------------------------------------------------------------------------------------------- saving
def assert_same_computation(loaded: Seq2Seq2Seq, model: Seq2Seq2Seq) -> None:
    """Bit for bit once the loaded tensors lie on the grid of sums that are reproducible (see test_saving.py)."""
    assert_same_bits(loaded.state_dict(), model.state_dict())
    for before, after in zip(everything(model), everything(copy.deepcopy(loaded)), strict=True):
        assert torch.equal(before, after)


@every_combination
def test_saved_and_loaded_gives_the_same_bits(
    tmp_path: Path, generator: str, reconstructor: str, copying: bool
) -> None:
    model = build(generator=generator, reconstructor=reconstructor, copying=copying)
    model.save_pretrained(tmp_path)
    loaded = Seq2Seq2Seq.from_pretrained(tmp_path)
    assert not loaded.training
    assert_same_computation(loaded, model)


def test_only_safetensors_are_written(tmp_path: Path) -> None:
    build().save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.parametrize("factory", [AutoModel, AutoModelForSeq2SeqLM])
def test_auto_classes_know_the_model(tmp_path: Path, factory: type) -> None:
    model = build()
    model.save_pretrained(tmp_path)
    loaded = factory.from_pretrained(tmp_path)  # type: ignore[attr-defined]
    assert type(loaded) is Seq2Seq2Seq
    assert_same_computation(loaded, model)


def test_the_configuration_survives(tmp_path: Path) -> None:
    model = build()
    model.save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is Seq2Seq2SeqConfig
    assert config.parts() == model.config.parts()
    assert (config.vocab_size, config.slots, config.max_source, config.max_target) == (VOCABULARY, SLOTS, 12, 6)
    ids = [getattr(config, f"{n}_token_id") for n in ("pad", "bos", "eos", "unk", "mask", "decoder_start")]
    assert ids == [0, 1, 2, 3, 4, 1]
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["model_type"] == "textvae_seq2seq2seq" and written["slots"] == SLOTS
    assert written["generator"] == asdict(model.generator.config)


@pytest.mark.parametrize(
    "name", ["generator.output_bias", "generator.pointer.key.weight", "generator.embedding.weight"]
)
def test_a_missing_weight_is_not_garbage(tmp_path: Path, name: str) -> None:
    from safetensors.torch import load_file, save_file

    build().save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors[name]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    loaded, report = Seq2Seq2Seq.from_pretrained(tmp_path, output_loading_info=True)
    assert set(report["missing_keys"]) == {name}
    weight = loaded.get_parameter(name)
    assert not weight.any() if "bias" in name else 0.01 < weight.std() < 1


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_key_of_a_part_is_refused(tmp_path: Path, part: str) -> None:
    build().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config[part]["sizes"] = 9
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match=f"{part}.*sizes"):
        Seq2Seq2Seq.from_pretrained(tmp_path)
