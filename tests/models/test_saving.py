"""Saved and loaded, a model computes the same bits; what is damaged or unknown is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM

from tests.laws import (
    LABELS,
    PAIRS,
    STYLE_SIZE,
    TWO,
    Labels,
    assert_close,
    assert_same_bits,
    latent_kinds,
    tiny_batch,
    tiny_model,
)
from textvae.errors import UserError
from textvae.models.configuration import StyleContentVAEConfig
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.output import OUTPUTS

COMMON = ("gaussian", "deterministic")
"""Latents that are saved with every encoder and decoder; the others with one of each."""
COMBINATIONS = (
    [(e, d, latent, prior, "full") for e, d in PAIRS for latent, prior in latent_kinds() if latent in COMMON]
    + [("gru", "gru", latent, prior, "full") for latent, prior in latent_kinds() if latent not in COMMON]
    + [("gru", "gru", "gaussian", "standard", output) for output in OUTPUTS]
)


def saved(folder: Path, **options: Any) -> StyleContentVAE:
    """A float32 model with nothing left at its initial value, written to `folder`."""
    vocabulary = 4100 if options.get("output") == "adaptive" else 37
    model = tiny_model(dtype=torch.float32, vocabulary=vocabulary, **options)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith(".mask"):  # of a flow, whose layers have the widths it says
                continue
            if tensor.dtype == torch.bool:
                tensor.copy_(torch.arange(len(tensor)) % 3 == 0)
            elif tensor.dtype == torch.long:
                tensor.copy_((torch.arange(tensor.numel()) % 2).view(tensor.shape))
            else:
                tensor.add_(0.05 * torch.randn_like(tensor))
    model.save_pretrained(folder)
    return model


@torch.no_grad()
def everything(model: StyleContentVAE) -> list[torch.Tensor]:
    labels: Labels = model.attributes.by_name() if len(model.attributes) > 1 else LABELS
    output, latents = (model(batch=tiny_batch(labels=labels), sample=s) for s in (False, True))
    values = [output.token_nll, *output.style_logits, output.bag_logits, model.style_vectors, model.style_means]
    values += [latents.latents.style.value, latents.latents.style.penalty, latents.latents.content.value]
    return [*values, latents.token_nll]


def assert_same_computation(loaded: StyleContentVAE, model: StyleContentVAE) -> None:
    """Equal weights and equal outputs, bit for bit.

    A loaded tensor lies where the file puts it, off the 64-byte grid on which the sums of matrix libraries are
    reproducible: outputs are compared to rounding where it lies, and bit for bit once it is copied onto the grid.
    """
    assert_same_bits(loaded.state_dict(), model.state_dict())
    expected = everything(model)
    for before, after in zip(expected, everything(loaded), strict=True):
        assert_close(after, before, 1e-5)
    for before, after in zip(expected, everything(copy.deepcopy(loaded)), strict=True):
        assert torch.equal(before, after)


@pytest.mark.parametrize(("encoder", "decoder", "latent", "prior", "output"), COMBINATIONS)
def test_saved_and_loaded_gives_the_same_bits(
    tmp_path: Path, encoder: str, decoder: str, latent: str, prior: str, output: str
) -> None:
    model = saved(tmp_path, encoder=encoder, decoder=decoder, latent=latent, prior=prior, output=output)
    loaded = StyleContentVAE.from_pretrained(tmp_path)
    assert not loaded.training
    assert_same_computation(loaded, model)


@pytest.mark.parametrize("kinds", [0, 2])
def test_hidden_style_words_stay_hidden(tmp_path: Path, kinds: int) -> None:
    model = saved(tmp_path, hide_style_words=True, style_word_kinds=kinds)
    assert model.style_tokens.any()
    assert_same_computation(StyleContentVAE.from_pretrained(tmp_path), model)


@pytest.mark.parametrize("prior", ["standard", "class_conditional"])
def test_two_attributes_survive(tmp_path: Path, prior: str) -> None:
    model = saved(tmp_path, labels=TWO, prior=prior, erase=True, hide_style_words=True)
    loaded = StyleContentVAE.from_pretrained(tmp_path)
    assert_same_computation(loaded, model)
    assert loaded.attributes == model.attributes and loaded.attributes.by_name() == TWO
    assert loaded.config.labels == [*(f"sentiment={x}" for x in LABELS), "tense=past", "tense=present"]


def test_one_attribute_is_saved_as_before_there_were_several(tmp_path: Path) -> None:
    model = saved(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["attributes"] is None
    shapes = {name: tuple(t.shape) for name, t in model.state_dict().items() if name.startswith("style_")}
    assert shapes == {
        "style_latent.prior_means": (len(LABELS), STYLE_SIZE),
        **{f"style_latent.{part}.weight": (STYLE_SIZE, 16) for part in ("mean", "log_var")},
        **{f"style_latent.{part}.bias": (STYLE_SIZE,) for part in ("mean", "log_var")},
        "style_head.layers.0.weight": (len(LABELS), STYLE_SIZE),
        "style_head.layers.0.bias": (len(LABELS),),
        "style_means": (len(LABELS), STYLE_SIZE),
        "style_tokens": (37,),
    }


def test_only_safetensors_are_written(tmp_path: Path) -> None:
    saved(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "generation_config.json", "model.safetensors"}


@pytest.mark.parametrize("factory", [AutoModel, AutoModelForSeq2SeqLM])
def test_auto_classes_know_the_model(tmp_path: Path, factory: type) -> None:
    model = saved(tmp_path)
    loaded = factory.from_pretrained(tmp_path)  # type: ignore[attr-defined]
    assert type(loaded) is StyleContentVAE
    assert_same_computation(loaded, model)


def test_the_configuration_survives(tmp_path: Path) -> None:
    model = saved(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is StyleContentVAEConfig
    assert config.labels == list(LABELS)
    assert config.parts() == model.config.parts()
    ids = [getattr(config, f"{n}_token_id") for n in ("pad", "bos", "eos", "unk", "mask", "decoder_start")]
    assert ids == [0, 1, 2, 3, 4, 1]


def test_a_missing_weight_is_not_made_up_in_silence(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    saved(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["style_means"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    loaded, report = StyleContentVAE.from_pretrained(tmp_path, output_loading_info=True)
    assert set(report["missing_keys"]) == {"style_means"}
    assert torch.equal(loaded.style_means, torch.zeros(len(LABELS), STYLE_SIZE)), "garbage from an empty tensor"


@pytest.mark.parametrize("part", ["sentence_encoder", "sentence_decoder", "style_space", "content_space"])
def test_an_unknown_key_of_a_part_is_refused(tmp_path: Path, part: str) -> None:
    saved(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config[part]["sizes"] = 9
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match="sizes"):
        StyleContentVAE.from_pretrained(tmp_path)
