"""A flow prior of the content that is conditional on the style, inside the style-content autoencoder."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.laws import LABELS, assert_close, tiny_batch, tiny_config, tiny_recipe
from textvae.inference.latents.model import StyleContent
from textvae.models.adversaries import Adversaries
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.latents.flow import FlowLatent
from textvae.objectives.style_content import OBJECTIVES


def conditional() -> StyleContentVAE:
    """A Gaussian style space beside a content space whose flow reads the label."""
    config = tiny_config()
    assert config.content_space is not None
    config.content_space = {**config.content_space, "kind": "flow", "prior": "class_conditional"}
    torch.manual_seed(0)
    model = StyleContentVAE(config).double().train()
    with torch.no_grad():
        for parameter in model.content_latent.flow.parameters():
            parameter.mul_(2.0)
    return model


def test_the_style_decides_what_content_is_likely() -> None:
    model, batch = conditional(), tiny_batch()
    latent = model.content_latent
    assert isinstance(latent, FlowLatent) and latent.context == len(LABELS)
    z = model(batch=batch).latents.content.value.detach()
    found = torch.stack([latent.log_prior(z, torch.full((6,), label)) for label in range(len(LABELS))])
    assert (found.diff(dim=0).abs() > 1e-6).all()
    output = model(batch=batch).latents.content
    expected = latent.log_posterior(output, output.value) - found.gather(0, batch.style[None])[0]
    assert_close(output.penalty, expected, 1e-9)


def test_j_kl_c_moves_the_flow_and_nothing_of_the_style() -> None:
    model = conditional()
    adversaries = Adversaries(model.style_latent.size, model.content_latent.size, len(LABELS), model.config.bag_size)
    recipe = tiny_recipe(model, adversaries.double())
    outputs = recipe.run(recipe.phases[0], recipe.modules, tiny_batch(), None)
    OBJECTIVES["J_kl_c"](outputs).sum().backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    flow = {n for n, _ in model.named_parameters() if n.startswith("content_latent.flow.")}
    assert flow <= reached and "content_latent.prior_means" in reached
    assert not any(n.startswith(("style_latent.", "decoder.")) for n in reached)


def test_content_is_drawn_for_its_style_and_survives_saving(tmp_path: Path) -> None:
    model = conditional().eval()
    draws = [StyleContent(model).prior(0, 9, label, 3) for label in range(len(LABELS))]
    place = StyleContent(model).parts["content"]
    assert not torch.equal(draws[0][:, place], draws[1][:, place])
    model.save_pretrained(tmp_path)
    loaded = StyleContentVAE.from_pretrained(tmp_path).double()
    again = StyleContent(loaded).prior(0, 9, 1, 3)
    assert torch.equal(again, draws[1])
