"""Instruments trained once for all tests of the evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textvae.evaluation.evaluator import Evaluator

from .reviews import make_evaluator


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation-cache")


@pytest.fixture(scope="session")
def evaluator(cache: Path) -> Evaluator:
    return make_evaluator(2, cache)
