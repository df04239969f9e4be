"""A tiny random model to compress under."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from random_spaces import make  # noqa: E402

from textvae.inference.latents.space import LatentSpace  # noqa: E402

MODELS = ("style-word", "style-unigram", "sentence-gaussian")


@pytest.fixture(scope="session")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LatentSpace]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("compression")
    names = (*MODELS, "sentence-vq")
    return {name: LatentSpace.from_pretrained(make(folder / name, name), "cpu", "fp32") for name in names}


@pytest.fixture(params=MODELS)
def space(request: pytest.FixtureRequest, spaces: dict[str, LatentSpace]) -> LatentSpace:
    return spaces[request.param]
