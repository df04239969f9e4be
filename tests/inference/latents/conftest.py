"""Spaces of random models."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from random_run import make_run  # noqa: E402
from random_spaces import RUNS, exact, make  # noqa: E402

from textvae.inference.latents.space import LatentSpace  # noqa: E402


@pytest.fixture(scope="session")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LatentSpace]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("spaces")
    return {name: exact(make(folder / name, name)) for name in RUNS}


@pytest.fixture(params=RUNS)
def space(request: pytest.FixtureRequest, spaces: dict[str, LatentSpace]) -> LatentSpace:
    return spaces[request.param]


@pytest.fixture(scope="session")
def looking_back(tmp_path_factory: pytest.TempPathFactory) -> LatentSpace:
    """A model whose decoder attends to the sentence."""
    return exact(make_run(tmp_path_factory.mktemp("memory") / "run", memory="full"))
