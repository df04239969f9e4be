"""The class that docs/add-a-latent.md writes trains in every model that has a latent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.laws import tiny_trainer
from tests.sentence_laws import sentence_trainer
from tests.support import ROOT
from tests.tree_laws import tree_trainer
from textvae.modules.clamping import ClampingConfig
from textvae.modules.latents import LATENTS
from textvae.training.trainer import Trainer

STYLE = {"latent": "sparse", "prior": "class_conditional"}
CLAMPED = {**STYLE, "clamping": ClampingConfig("content", "all")}


@pytest.fixture
def sparse() -> Iterator[None]:
    """What the page defines, while a test runs."""
    page = (ROOT / "docs" / "add-a-latent.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```$", page)
    exec(code, {"__name__": "page"})
    yield
    del LATENTS["sparse"]


def trainer_of(name: str, folder: Path) -> Trainer:
    """A tiny trainer whose latents are of this kind."""
    if name == "sentence":
        return sentence_trainer(folder, {"latent": "sparse"})
    if name == "tree":
        return tree_trainer(folder, {"latent_kind": "sparse"})
    return tiny_trainer(folder, networks=STYLE if name == "style" else CLAMPED)


@pytest.mark.parametrize("name", ["style", "clamped", "sentence", "tree"])
def test_it_trains(name: str, tmp_path: Path, sparse: None) -> None:
    trainer = trainer_of(name, tmp_path)
    model = trainer.recipe.modules.get("model") or trainer.recipe.modules["grammar"]
    before = {n: p.detach().clone() for n, p in model.named_parameters() if "latent.mean" in n}
    trainer.fit()
    assert before and all(not torch.equal(p, before[n]) for n, p in model.named_parameters() if n in before)
    latents = [module for module in model.modules() if isinstance(module, LATENTS["sparse"])]
    summary = torch.randn(3, latents[0].mean.in_features, dtype=torch.float64)
    found = latents[0](summary, torch.zeros(3, dtype=torch.long))
    prior = latents[0].prior_mean(torch.zeros(3, dtype=torch.long))
    assert torch.allclose(found.penalty, (found.mean - prior).abs().sum(1))
